import { join } from "@std/path";

import type { ProcessFacts } from "../host/types.ts";
import type { CacheRoot } from "./cache_root.ts";
import { probeActivity, type WorkenvActivity } from "./probe_activity.ts";
import { treeSize } from "./tree_size.ts";
import type { WorkenvHost } from "./workenv_host.ts";

/** One workenv in the cache. */
export interface WorkenvEntry {
  /** Its id: the first 32 digits of the package's metadata SHA-256. */
  readonly id: string;
  /** Its directory. */
  readonly path: string;
  /** Its records. */
  readonly records: string;
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

/** A record that grew beyond this is not ours. */
const MAX_INFO_SIZE = 1 << 20;

/**
 * Where a workenv and its records are.
 *
 * @param root The cache.
 * @param id A checked id.
 * @returns The two directories and the two lock files.
 */
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

/**
 * Reads what is known about one workenv.
 *
 * @param root The cache.
 * @param id A checked id.
 * @param host Files and locks.
 * @param processes What runs at the moment.
 * @returns The entry; `undefined` when there is none.
 * @throws {PspfError} `io/denied`
 */
export async function readWorkenv(
  root: CacheRoot,
  id: string,
  host: WorkenvHost,
  processes: readonly ProcessFacts[],
): Promise<WorkenvEntry | undefined> {
  const paths = workenvPaths(root, id);
  const content = await host.reader.linkFacts(paths.content);
  const records = await host.reader.linkFacts(paths.records);
  if (content === undefined && records === undefined) return undefined;
  // A link in place of the records leads out of the cache: nothing is read.
  const hasRecords = records?.kind === "directory";
  const launch = hasRecords
    ? await host.reader.linkFacts(paths.launch)
    : undefined;
  const info = hasRecords
    ? await readInfo(join(paths.records, "info.json"), host)
    : {};
  const seconds = numberIn(info, "filled_at");
  const touched = launch?.modifiedMs ?? content?.modifiedMs ?? 0;
  const users = usersOf(paths.content, processes);
  return {
    id,
    path: paths.content,
    records: paths.records,
    filled: launch?.kind === "file",
    packageName: textIn(info, "package"),
    packageVersion: textIn(info, "version"),
    packagePath: textIn(info, "package_path"),
    filledAtMs: seconds === undefined ? touched : seconds * 1000,
    size: numberIn(info, "size_bytes") ??
      await treeSize(paths.content, host.reader),
    files: numberIn(info, "files"),
    users,
    activity: users.length > 0 ? "running" : await probeActivity(paths, host),
  };
}

function usersOf(
  path: string,
  processes: readonly ProcessFacts[],
): readonly number[] {
  const inside = (other: string): boolean =>
    other === path || other.startsWith(`${path}/`);
  return processes
    .filter(({ paths, workenv }) =>
      paths.some(inside) || (workenv !== undefined && inside(workenv))
    )
    .map(({ id }) => id);
}

type Info = Readonly<Record<string, unknown>>;

/** The record is for people; what cannot be read is not known. */
async function readInfo(path: string, host: WorkenvHost): Promise<Info> {
  try {
    if ((await host.reader.linkFacts(path))?.kind !== "file") return {};
    const bytes = await host.reader.readBytes(path, MAX_INFO_SIZE);
    const value: unknown = JSON.parse(new TextDecoder().decode(bytes));
    return typeof value === "object" && value !== null ? { ...value } : {};
  } catch {
    return {};
  }
}

function textIn(info: Info, key: string): string | undefined {
  const value = info[key];
  return typeof value === "string" ? value : undefined;
}

function numberIn(info: Info, key: string): number | undefined {
  const value = info[key];
  return typeof value === "number" && Number.isSafeInteger(value) && value >= 0
    ? value
    : undefined;
}
