import type { JsonValue } from "../../errors.ts";
import { listWorkenvs, type WorkenvEntry } from "../../workenv/mod.ts";
import type { CommandContext } from "../command_context.ts";
import { formatAge } from "../format_age.ts";
import { formatSize } from "../format_size.ts";
import { formatTable } from "../format_table.ts";

/**
 * `flavor workenv list`.
 *
 * @param context Host and output.
 */
export async function runWorkenvList(
  { host, output }: CommandContext,
): Promise<void> {
  const { entries } = await listWorkenvs(host);
  const now = host.clock.now();
  output.result(
    { workenvs: entries.map(workenvJson) },
    () =>
      entries.length === 0 ? "The cache is empty" : formatTable([
        ["ID", "PACKAGE", "SIZE", "FILLED", "STATE"],
        ...entries.map((entry) => [
          entry.id,
          packageText(entry),
          formatSize(entry.size),
          formatAge(now - entry.filledAtMs),
          stateOf(entry),
        ]),
      ], [2, 3]),
  );
}

/**
 * The JSON form of a workenv.
 *
 * @param entry The workenv.
 * @returns Its facts.
 */
export function workenvJson(entry: WorkenvEntry): Record<string, JsonValue> {
  return {
    id: entry.id,
    path: entry.path,
    package: entry.packageName ?? null,
    version: entry.packageVersion ?? null,
    package_path: entry.packagePath ?? null,
    size: entry.size,
    files: entry.files ?? null,
    filled: entry.filled,
    filled_at: new Date(entry.filledAtMs).toISOString(),
    in_use: entry.activity !== "none",
    activity: entry.activity,
    processes: entry.users,
  };
}

/**
 * Name and version of the package that filled a workenv.
 *
 * @param entry The workenv.
 * @returns The text.
 */
export function packageText(entry: WorkenvEntry): string {
  const { packageName, packageVersion } = entry;
  if (packageName === undefined) return "unknown";
  return packageVersion === undefined
    ? packageName
    : `${packageName} ${packageVersion}`;
}

/**
 * What can be said about a workenv in a word or two.
 *
 * @param entry The workenv.
 * @returns The text.
 */
export function stateOf(entry: WorkenvEntry): string {
  if (entry.activity === "running") return "in use";
  if (entry.activity === "filling") return "being filled";
  return entry.filled ? "filled" : "not complete";
}
