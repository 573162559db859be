import type { JsonValue } from "../../errors.ts";
import {
  type Helper,
  helperPlaces,
  helperVersion,
  listHelpers,
  platformName,
} from "../../launchers/mod.ts";
import type { CommandContext } from "../command_context.ts";
import { formatSize } from "../format_size.ts";
import { formatTable } from "../format_table.ts";

/** A helper together with what it answers. */
interface AnsweredHelper {
  readonly helper: Helper;
  readonly version: string | undefined;
}

/**
 * `flavor helpers list`. Helpers for this machine are asked for their versions.
 *
 * @param context Host and output.
 */
export async function runHelpersList(
  { host, output }: CommandContext,
): Promise<void> {
  const helpers: AnsweredHelper[] = [];
  for (const helper of await listHelpers(host)) {
    helpers.push({ helper, version: await askVersion(helper, host) });
  }
  output.result(
    {
      helpers: helpers.map(({ helper, version }) => ({
        ...helperJson(helper),
        version: version ?? null,
      })),
    },
    () =>
      helpers.length === 0
        ? [
          "No helpers were found. Looked in:",
          ...helperPlaces(host).map((place) => `  ${place.path}`),
          'Build one with "flavor helpers build" in a checkout.',
        ].join("\n")
        : formatTable([
          ["NAME", "PLATFORM", "VERSION", "SIZE", "SHA-256", "PATH"],
          ...helpers.map(({ helper, version }) => [
            helper.name,
            platformName(helper.platform),
            version ?? "unknown",
            formatSize(helper.facts.size),
            helper.facts.digest.slice(0, 16),
            helper.path,
          ]),
        ], [3]),
  );
}

/**
 * Asks a helper for its version, if it runs on this machine; no other program
 * is ever run.
 *
 * @param helper The helper.
 * @param host Runs it.
 * @returns The first line it prints; `undefined` when it gives no answer.
 */
export async function askVersion(
  helper: Helper,
  { machine, processes }: CommandContext["host"],
): Promise<string | undefined> {
  const platforms = helper.facts.platforms.map(platformName);
  return platforms.includes(machine.platform)
    ? await helperVersion(helper.path, processes)
    : undefined;
}

/**
 * The JSON form of a helper.
 *
 * @param helper The helper.
 * @returns Its facts.
 */
export function helperJson(helper: Helper): Record<string, JsonValue> {
  return {
    name: helper.name,
    path: helper.path,
    language: helper.language,
    role: helper.role,
    platform: platformName(helper.platform),
    runs_on: helper.facts.platforms.map(platformName),
    size: helper.facts.size,
    sha256: helper.facts.digest,
    operations: helper.facts.operations ?? null,
  };
}
