import { join } from "@std/path";

import { PspfError } from "../errors.ts";
import type { ProcessFacts } from "../host/types.ts";
import {
  type CacheRoot,
  findCacheRoot,
  type WorkenvHost,
} from "./cache_root.ts";

/** What somebody does with a workenv at the moment, as far as locks tell. */
export type WorkenvActivity = "none" | "filling" | "running";

/** One workenv in the cache. */
export interface WorkenvEntry {
  /** The cache that it is in. */
  readonly root: CacheRoot;
  /** Its id: the first 32 digits of the package's metadata SHA-256. */
  readonly id: string;
  /** Its directory. */
  readonly path: string;
  /** Its records. */
  readonly records: string;
  /** Whether the directory exists. */
  readonly isThere: boolean;
  /** Whether it was filled to the end. */
  readonly filled: boolean;
  /** Name of the package; `undefined` when it is not recorded. */
  readonly packageName: string | undefined;
  /** Version of the package; `undefined` when it is not recorded. */
  readonly packageVersion: string | undefined;
  /** Where the package was when it filled the workenv. */
  readonly packagePath: string | undefined;
  /** When it was filled, in milliseconds since 1970. */
  readonly filledAtMs: number;
  /** Size in bytes. */
  readonly size: number;
  /** Number of files, where it is recorded. */
  readonly files: number | undefined;
  /** Processes that run from it, as far as the system tells. */
  readonly users: readonly number[];
  /** What is done with it at the moment. */
  readonly activity: WorkenvActivity;
}

/** The cache and what is in it. */
export interface WorkenvList {
  /** The cache. */
  readonly root: CacheRoot;
  /** Its workenvs, the newest first. */
  readonly entries: readonly WorkenvEntry[];
}

const ID_REGEXP = /^[0-9a-f]{32}$/;
/** Names of records: a dot, an id, and a suffix. */
const RECORDS_REGEXP = /^\.([0-9a-f]{32})\.pspf$/;
/** Shorter beginnings of an id are hardly meant. */
const PREFIX_REGEXP = /^[0-9a-f]{4,32}$/;
/** A record that grew beyond this is not ours. */
const MAX_INFO_SIZE = 1 << 20;

/**
 * Whether a name is the id of a workenv: 32 hexadecimal digits. Such a name
 * cannot lead anywhere else.
 */
export function isWorkenvId(name: string): boolean {
  return ID_REGEXP.test(name);
}

/**
 * Lists the workenvs in the cache, and what is done with them. A package that
 * starts at the same moment never notices.
 */
export async function listWorkenvs(host: WorkenvHost): Promise<WorkenvList> {
  const { root, entries } = await listRecords(host);
  return { root, entries: entries.filter((entry) => !isGone(entry)) };
}

/** Whether somebody has removed the directory of a workenv by hand. */
export function isGone({ isThere, activity }: WorkenvEntry): boolean {
  return !isThere && activity === "none";
}

/** The workenvs, and records that have lost theirs. */
export async function listRecords(host: WorkenvHost): Promise<WorkenvList> {
  const root = await findCacheRoot(host);
  const ids = new Set<string>();
  for (const name of await host.reader.list(root.workenvs)) {
    const id = RECORDS_REGEXP.exec(name)?.[1] ?? name;
    if (isWorkenvId(id)) ids.add(id);
  }
  const processes = ids.size === 0 ? [] : await host.processes.others();
  const entries = await Array.fromAsync(
    ids,
    (id) => readWorkenv(root, id, host, processes),
  );
  entries.sort((a, b) => b.filledAtMs - a.filledAtMs || (a.id < b.id ? -1 : 1));
  return { root, entries };
}

/** Finds the one workenv that is meant. */
export async function findWorkenv(
  reference: string,
  host: WorkenvHost,
): Promise<WorkenvEntry> {
  if (reference === "" || /^\.|[/\\\p{Cc}]/u.test(reference)) {
    throw new PspfError(
      "usage/bad-argument",
      `${JSON.stringify(reference)} is neither an id nor the name of a package`,
      { context: { id: reference }, hint: HOW_TO_REFER },
    );
  }
  const { root, entries } = await listWorkenvs(host);
  const isPrefix = PREFIX_REGEXP.test(reference);
  const found = entries.filter(({ id, packageName }) =>
    packageName === reference || (isPrefix && id.startsWith(reference))
  );
  const [entry] = found;
  if (entry === undefined) {
    throw new PspfError(
      "cache/not-found",
      `There is no workenv "${reference}" in "${root.workenvs}"`,
      { context: { id: reference, path: root.workenvs }, hint: HOW_TO_REFER },
    );
  }
  if (found.length === 1) return entry;
  const ids = found.map(({ id }) => id);
  throw new PspfError(
    "usage/bad-argument",
    `"${reference}" could be any of ${ids.length} workenvs`,
    { context: { id: reference, ids }, hint: `Choose one: ${ids.join(", ")}` },
  );
}

const HOW_TO_REFER =
  'Give an id, its first digits (4 or more) or a package\'s name; see "flavor workenv list"';

/** Where a workenv, its records and its two lock files are. */
export function workenvPaths(
  root: CacheRoot,
  id: string,
): Readonly<Record<"content" | "records" | "launch" | "fill" | "use", string>> {
  const records = join(root.workenvs, `.${id}.pspf`);
  return {
    content: join(root.workenvs, id),
    records,
    launch: join(records, "launch"),
    fill: join(root.locks, `${id}.fill`),
    use: join(root.locks, `${id}.use`),
  };
}

async function readWorkenv(
  root: CacheRoot,
  id: string,
  host: WorkenvHost,
  processes: readonly ProcessFacts[],
): Promise<WorkenvEntry> {
  const { reader } = host;
  const paths = workenvPaths(root, id);
  const content = await reader.linkFacts(paths.content);
  // A link in place of the records leads out of the cache: nothing is read.
  const records = await reader.linkFacts(paths.records);
  const hasRecords = records?.kind === "directory";
  const launch = hasRecords ? await reader.linkFacts(paths.launch) : undefined;
  const info = hasRecords ? await readInfo(paths.records, host) : {};
  const text = (key: string): string | undefined =>
    typeof info[key] === "string" ? info[key] : undefined;
  const number = (key: string): number | undefined =>
    Number.isSafeInteger(info[key]) && Number(info[key]) >= 0
      ? Number(info[key])
      : undefined;
  const seconds = number("filled_at");
  const touched = launch?.modifiedMs ?? content?.modifiedMs ?? 0;
  const users = usersOf(paths.content, processes);
  return {
    root,
    id,
    path: paths.content,
    records: paths.records,
    isThere: content !== undefined,
    filled: launch?.kind === "file",
    packageName: text("package"),
    packageVersion: text("version"),
    packagePath: text("package_path"),
    filledAtMs: seconds === undefined ? touched : seconds * 1000,
    size: number("size_bytes") ?? await treeSize(paths.content, host),
    files: number("files"),
    users,
    activity: users.length > 0 ? "running" : await probeActivity(paths, host),
  };
}

/**
 * Asks the launcher's locks what a workenv is used for. The lock of running
 * programs is tried only while the fill lock is held: a package that starts in
 * this very moment then waits for us instead of finding its lease refused.
 * Nothing is created, so a workenv without locks stays without.
 */
async function probeActivity(
  paths: { readonly fill: string; readonly use: string },
  { reader, locks }: Pick<WorkenvHost, "reader" | "locks">,
): Promise<WorkenvActivity> {
  try {
    if ((await reader.linkFacts(paths.fill))?.kind !== "file") return "none";
    using filling = await locks.tryExclusive(paths.fill);
    if (filling === undefined) return "filling";
    if ((await reader.linkFacts(paths.use))?.kind !== "file") return "none";
    using running = await locks.tryExclusive(paths.use);
    return running === undefined ? "running" : "none";
  } catch {
    // A cache on a read-only file system can be listed all the same.
    return "none";
  }
}

function usersOf(
  path: string,
  processes: readonly ProcessFacts[],
): readonly number[] {
  const isInside = (other: string): boolean =>
    other === path || other.startsWith(`${path}/`);
  return processes
    .filter(({ paths, workenv }) =>
      paths.some(isInside) || (workenv !== undefined && isInside(workenv))
    )
    .map(({ id }) => id);
}

/** Adds up the files below a directory; links are not followed. */
async function treeSize(
  path: string,
  { reader }: Pick<WorkenvHost, "reader">,
): Promise<number> {
  let size = 0;
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const facts = await reader.linkFacts(next);
    if (facts?.kind === "file") size += facts.size;
    if (facts?.kind !== "directory") continue;
    for (const name of await reader.list(next)) pending.push(join(next, name));
  }
  return size;
}

/** The record is for people; what cannot be read is not known. */
async function readInfo(
  records: string,
  { reader }: Pick<WorkenvHost, "reader">,
): Promise<Readonly<Record<string, unknown>>> {
  const path = join(records, "info.json");
  try {
    if ((await reader.linkFacts(path))?.kind !== "file") return {};
    const bytes = await reader.readBytes(path, MAX_INFO_SIZE);
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}
