import type { JsonValue } from "../../errors.ts";
import { openPackage } from "../../read/open_package.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import {
  type Change,
  type ChangedPart,
  comparePackages,
  type PackageChanges,
} from "../compare_packages.ts";
import type { Paint } from "../output.ts";
import { openToLook, warnOfChecks } from "../package_file.ts";
import { visibleText } from "../text.ts";

const EXIT_DONE = 0;
/** Asked for with --exit-code; that of a verification that says no. */
const EXIT_DIFFERENT = 4;

/**
 * `flavor diff A B`. Like `inspect` it looks and does not judge: a bad
 * signature is a warning, a slot that does not have its digest an error.
 */
export async function runDiff(
  command: CommandOf<"diff">,
  { host, output }: CommandContext,
): Promise<number> {
  const { before, after } = command.operands;
  await using first = await host.reader.openSource(before);
  await using second = await host.reader.openSource(after);
  const packages = [
    await openToLook(first, openPackage),
    await openToLook(second, openPackage),
  ] as const;
  for (const { checks, source } of packages) {
    warnOfChecks(checks, `${source.name}: `, output);
  }
  using bar = output.progress("comparing", first.size + second.size);
  const changes = await comparePackages(...packages, bar.add);
  bar[Symbol.dispose]();
  const same = changes.facts.length === 0 && changes.slots.length === 0;
  output.result(
    {
      same,
      before,
      after,
      facts: changes.facts.map(changeJson),
      slots: changes.slots.map((slot) => ({
        ...partJson(slot),
        files: slot.files.map(partJson),
      })),
    },
    () =>
      same
        ? `${visibleText(before)} and ${visibleText(after)} are the same`
        : changesText(changes, output.paint),
  );
  return command.flags["exit-code"] && !same ? EXIT_DIFFERENT : EXIT_DONE;
}

function changeJson({ key, before, after }: Change): JsonValue {
  return { key, before: before ?? null, after: after ?? null };
}

function partJson(
  { name, status, changes }: ChangedPart,
): Record<string, JsonValue> {
  return { name, status, changes: changes.map(changeJson) };
}

function changesText({ facts, slots }: PackageChanges, paint: Paint): string {
  return [
    ...facts.map((change) => changeText(change, paint)),
    ...slots.flatMap((slot) => [
      partText(slot, "slot ", paint),
      ...slot.changes.map((change) => `    ${changeText(change, paint)}`),
      ...slot.files.flatMap((file) => [
        `  ${partText(file, "", paint)}`,
        ...file.changes.map((change) => `      ${changeText(change, paint)}`),
      ]),
    ]),
  ].join("\n");
}

const MARKS = { added: "+", removed: "-", changed: "~" } as const;

function partText(
  { name, status }: ChangedPart,
  what: string,
  paint: Paint,
): string {
  const colour = {
    added: paint.good,
    removed: paint.bad,
    changed: paint.warning,
  };
  return colour[status](`${MARKS[status]} ${what}${visibleText(name)}`);
}

function changeText({ key, before, after }: Change, paint: Paint): string {
  return `${visibleText(key)}: ${paint.bad(valueText(before))} -> ${
    paint.good(valueText(after))
  }`;
}

function valueText(value: JsonValue | undefined): string {
  return value === undefined ? "none" : visibleText(JSON.stringify(value));
}
