import { encodeHex } from "@std/encoding/hex";

import { type JsonValue, PspfError } from "../../errors.ts";
import { openPackage } from "../../read/open_package.ts";
import { cleanWorkenvs, removeWorkenv } from "../../workenv/remove_workenvs.ts";
import {
  findWorkenv,
  listWorkenvs,
  type WorkenvEntry,
} from "../../workenv/workenvs.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { checkValid, verifyFile } from "../package_file.ts";
import {
  formatAge,
  formatCount,
  formatSize,
  formatTable,
  visibleText,
} from "../text.ts";

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

/** Setup commands of a package may take long; this is for ever. */
const REPAIR_MS = 24 * 3600 * 1000;

/**
 * `flavor workenv repair ID`: the package itself does it, under its own locks,
 * once it was found to be the one that filled the workenv.
 */
export async function runWorkenvRepair(
  command: CommandOf<"workenv repair">,
  { host, output }: CommandContext,
): Promise<void> {
  const entry = await findWorkenv(command.operands.id, host);
  const program = await findPackageOf(entry, host, output);
  const request = {
    program,
    args: ["repair"],
    env: { FLAVOR_LAUNCHER_CLI: "1", FLAVOR_CACHE: entry.root.path },
  };
  const { code, stderr } = await host.processes.capture(request, REPAIR_MS);
  if (code !== 0) {
    throw new PspfError(
      "launcher/failed",
      `"${program}" could not repair the workenv "${entry.id}", code ${code}: ${
        new TextDecoder().decode(stderr).trim()
      }`,
      { context: { id: entry.id, path: program, code } },
    );
  }
  output.report({ repaired: entry.id }, () => `repaired ${nameOf(entry)}`);
}

/** The file that filled a workenv, verified whole, if it is still there. */
async function findPackageOf(
  { id, packagePath = "" }: WorkenvEntry,
  { reader }: CommandContext["host"],
  output: CommandContext["output"],
): Promise<string> {
  const facts = packagePath === ""
    ? undefined
    : await reader.facts(packagePath);
  if (facts?.kind === "file") {
    const options = { level: "standard", trustedKeys: undefined } as const;
    await using source = await reader.openSource(packagePath);
    const { index } = await openPackage(source, options);
    if (encodeHex(index.fields.metadataDigest).startsWith(id)) {
      checkValid(
        packagePath,
        "used",
        await verifyFile(source, options, output),
      );
      return packagePath;
    }
  }
  throw new PspfError(
    "cache/not-found",
    `The package that filled the workenv "${id}" is no longer at "${packagePath}"`,
    {
      context: { id, path: packagePath },
      hint: "Run this with its new path: FLAVOR_LAUNCHER_CLI=1 PACKAGE repair",
    },
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
  return visibleText(
    packageVersion === undefined
      ? packageName
      : `${packageName} ${packageVersion}`,
  );
}

function stateOf({ activity, filled }: WorkenvEntry): string {
  if (activity === "running") return "in use";
  if (activity === "filling") return "being filled";
  return filled ? "filled" : "not complete";
}
