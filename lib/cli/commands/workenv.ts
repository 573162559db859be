import type { JsonValue } from "../../errors.ts";
import { cleanWorkenvs, removeWorkenv } from "../../workenv/remove_workenvs.ts";
import {
  findWorkenv,
  listWorkenvs,
  type WorkenvEntry,
} from "../../workenv/workenvs.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { formatAge, formatCount, formatSize, formatTable } from "../text.ts";

/** `flavor workenv list`. */
export async function runWorkenvList(
  _command: CommandOf<"workenv list">,
  { host, output }: CommandContext,
): Promise<void> {
  const { entries, root } = await listWorkenvs(host);
  output.debug(`the cache is "${root.path}"`);
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

/** `flavor workenv info`. */
export async function runWorkenvInfo(
  _command: CommandOf<"workenv info">,
  { host, output }: CommandContext,
): Promise<void> {
  const { root, entries } = await listWorkenvs(host);
  const size = sizeOf(entries);
  const inUse = entries.filter(({ activity }) => activity !== "none").length;
  output.result(
    {
      directory: root.path,
      exists: root.exists,
      workenvs: entries.length,
      in_use: inUse,
      size,
    },
    () =>
      formatTable([
        ["directory", root.exists ? root.path : `${root.path} (not there yet)`],
        ["workenvs", String(entries.length)],
        ["in use", String(inUse)],
        ["size", formatSize(size)],
      ]),
  );
}

/** `flavor workenv inspect ID`. */
export async function runWorkenvInspect(
  command: CommandOf<"workenv inspect">,
  { host, output }: CommandContext,
): Promise<void> {
  const entry = await findWorkenv(command.operands.id, host);
  const { users } = entry;
  output.result(
    {
      ...workenvJson(entry),
      content_dir: entry.path,
      metadata_dir: entry.records,
      extraction_complete: entry.filled,
    },
    () =>
      formatTable([
        ["id", entry.id],
        ["package", packageText(entry)],
        ["filled from", entry.packagePath ?? "unknown"],
        ["filled at", new Date(entry.filledAtMs).toISOString()],
        ["size", formatSize(entry.size)],
        ["files", entry.files === undefined ? "unknown" : String(entry.files)],
        ["state", stateOf(entry)],
        ...(users.length === 0 ? [] : [["processes", users.join(", ")]]),
        ["content", entry.path],
        ["records", entry.records],
      ]),
  );
}

/** `flavor workenv remove ID`. */
export async function runWorkenvRemove(
  command: CommandOf<"workenv remove">,
  { host, output }: CommandContext,
): Promise<void> {
  const entry = await findWorkenv(command.operands.id, host);
  await removeWorkenv(entry, host);
  output.report(
    { removed: [entry.id], freed: entry.size },
    () => `removed ${nameOf(entry)}`,
  );
}

/** `flavor workenv clean`. */
export async function runWorkenvClean(
  command: CommandOf<"workenv clean">,
  { host, output }: CommandContext,
): Promise<void> {
  const { flags } = command;
  const dryRun = flags["dry-run"];
  const { removed, inUse } = await cleanWorkenvs(host, {
    olderThanMs: flags["older-than"],
    maxSize: flags["max-size"],
    dryRun,
  });
  const freed = sizeOf(removed);
  output.report(
    {
      removed: removed.map(({ id }) => id),
      in_use: inUse.map(({ id }) => id),
      freed,
      dry_run: dryRun,
    },
    () =>
      [
        ...removed.map((entry) =>
          `${dryRun ? "would remove" : "removed"} ${nameOf(entry)}`
        ),
        ...inUse.map((entry) => `kept, because it is in use: ${nameOf(entry)}`),
        `${dryRun ? "would free" : "freed"} ${formatSize(freed)} in ${
          formatCount(removed.length, "workenv")
        }`,
      ].join("\n"),
  );
}

function sizeOf(entries: readonly WorkenvEntry[]): number {
  return entries.reduce((sum, { size }) => sum + size, 0);
}

function workenvJson(entry: WorkenvEntry): Record<string, JsonValue> {
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

function nameOf(entry: WorkenvEntry): string {
  return `${entry.id} (${packageText(entry)}, ${formatSize(entry.size)})`;
}

function packageText({ packageName, packageVersion }: WorkenvEntry): string {
  if (packageName === undefined) return "unknown";
  return packageVersion === undefined
    ? packageName
    : `${packageName} ${packageVersion}`;
}

function stateOf({ activity, filled }: WorkenvEntry): string {
  if (activity === "running") return "in use";
  if (activity === "filling") return "being filled";
  return filled ? "filled" : "not complete";
}
