import { join } from "@std/path";
import type { JsonValue } from "../errors.ts";
import type { Host } from "../host/types.ts";
import type { BuildPlan, SlotSpec } from "../manifest/build_plan.ts";
import type { PackInput } from "./pack_input.ts";
import { copyTree } from "./trees.ts";

/** Where the content of a project's slots is put, beside the manifest. */
const PLACE = ".flavor";

/**
 * Writes the manifest that a project is packed by, and the content of its slots,
 * so that one can go on by hand. Gives the paths.
 */
export async function writeProjectManifest(
  { plan, directory, openSource }: Pick<
    PackInput,
    "plan" | "directory" | "openSource"
  >,
  replace: boolean,
  { writer }: Pick<Host, "reader" | "writer">,
): Promise<readonly string[]> {
  const manifest = join(directory, "flavor.toml");
  await using sink = await writer.createSink(manifest, { replace });
  await sink.write(new TextEncoder().encode(manifestText(plan)));
  const place = join(directory, PLACE);
  if (replace) await writer.remove(place);
  await writer.makeDirectory(place);
  for (const spec of plan.slots) {
    const to = join(place, spec.id);
    const found = await openSource(spec);
    if (found.kind === "directory") {
      await copyTree(found.tree, to, spec, writer);
    } else if (found.kind === "file") {
      await using file = await found.open();
      await using copy = await writer.createSink(to, { mode: found.mode });
      for await (const chunk of file.stream(0, file.size)) {
        await copy.write(chunk);
      }
      await copy.commit();
    }
  }
  await using ignore = await writer.createSink(join(place, ".gitignore"));
  await ignore.write(new TextEncoder().encode("*\n"));
  await ignore.commit();
  await sink.commit();
  return [manifest, ...plan.slots.map(({ id }) => join(place, id))];
}

/** The manifest that a project is packed by. */
export function manifestText(plan: BuildPlan): string {
  const { execution, runtime, workenv } = plan;
  const { argv, args, env } = execution;
  const lines = [
    `# What "flavor pack" made of this project; its content is in ${PLACE}/.`,
    "# Every key: docs/manifest.md",
    "",
    "[package]",
    ...pairs({ ...plan.package }),
    "",
    "[execution]",
    ...pairs({
      argv,
      args,
      primary_slot: plan.slots[execution.primarySlot]?.id,
      env: Object.keys(env).length > 0 ? env : undefined,
    }),
  ];
  if (runtime !== undefined && Object.keys(runtime.env).length > 0) {
    lines.push("", "[runtime.env]", ...pairs({ ...runtime.env }));
  }
  if (workenv !== undefined) {
    lines.push("", "[workenv]", ...pairs({ env: workenv.env }));
  }
  for (const slot of plan.slots) lines.push("", ...slotLines(slot));
  return `${lines.join("\n")}\n`;
}

function slotLines(
  { id, target, purpose, lifecycle, permissions }: SlotSpec,
): readonly string[] {
  return [
    "[[slots]]",
    ...pairs({
      id,
      source: `${PLACE}/${id}`,
      target: target === "" ? "{workenv}" : target,
      purpose,
      lifecycle: lifecycle === "runtime" ? undefined : lifecycle,
      permissions: permissions?.toString(8).padStart(4, "0"),
    }),
  ];
}

function pairs(
  table: Readonly<Record<string, JsonValue | undefined>>,
): readonly string[] {
  return Object.entries(table).flatMap(([key, value]) =>
    value === undefined ? [] : [`${key} = ${tomlValue(value)}`]
  );
}

/** JSON's strings and lists are TOML's as well; tables are not. */
function tomlValue(value: JsonValue): string {
  if (Array.isArray(value)) return `[${value.map(tomlValue).join(", ")}]`;
  if (typeof value !== "object" || value === null) return JSON.stringify(value);
  const members = Object.entries(value).flatMap(([key, member]) =>
    member === undefined
      ? []
      : [`${JSON.stringify(key)} = ${tomlValue(member)}`]
  );
  return `{ ${members.join(", ")} }`;
}
