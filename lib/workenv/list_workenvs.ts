import { type CacheRoot, findCacheRoot } from "./cache_root.ts";
import { readWorkenv, type WorkenvEntry } from "./workenv_entry.ts";
import type { WorkenvHost } from "./workenv_host.ts";
import { isWorkenvId } from "./workenv_id.ts";

/** The cache and what is in it. */
export interface WorkenvList {
  /** The cache. */
  readonly root: CacheRoot;
  /** Its workenvs, the newest first. */
  readonly entries: readonly WorkenvEntry[];
}

/** Names of records: a dot, an id, and a suffix. */
const RECORDS_REGEXP = /^\.([0-9a-f]{32})\.pspf$/;

/**
 * Lists the workenvs in the cache, and what is done with them. A package that
 * starts at the same moment never notices.
 *
 * @param host Files, processes and environment.
 * @returns The cache and its entries.
 * @throws {PspfError} `cache/unavailable`, `cache/insecure`, `io/denied`
 */
export async function listWorkenvs(host: WorkenvHost): Promise<WorkenvList> {
  const root = await findCacheRoot(host);
  const ids = new Set<string>();
  for (const name of await host.reader.list(root.workenvs)) {
    const id = RECORDS_REGEXP.exec(name)?.[1] ?? name;
    if (isWorkenvId(id)) ids.add(id);
  }
  const processes = ids.size === 0 ? [] : await host.processes.others();
  const entries: WorkenvEntry[] = [];
  for (const id of ids) {
    const entry = await readWorkenv(root, id, host, processes);
    if (entry !== undefined) entries.push(entry);
  }
  entries.sort((a, b) => b.filledAtMs - a.filledAtMs || (a.id < b.id ? -1 : 1));
  return { root, entries };
}
