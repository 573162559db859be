import { PspfError } from "../errors.ts";
import { type CacheRoot, findCacheRoot } from "./cache_root.ts";
import { readWorkenv, type WorkenvEntry } from "./workenv_entry.ts";
import type { WorkenvHost } from "./workenv_host.ts";
import { checkWorkenvId } from "./workenv_id.ts";

/** A workenv and the cache that it is in. */
export interface FoundWorkenv {
  /** The cache. */
  readonly root: CacheRoot;
  /** The workenv. */
  readonly entry: WorkenvEntry;
}

/**
 * Finds one workenv.
 *
 * @param id What the user gave.
 * @param host Files, processes and environment.
 * @returns The workenv.
 * @throws {PspfError} `usage/bad-argument`, `cache/not-found`,
 *   `cache/unavailable`, `cache/insecure`
 */
export async function findWorkenv(
  id: string,
  host: WorkenvHost,
): Promise<FoundWorkenv> {
  checkWorkenvId(id);
  const root = await findCacheRoot(host);
  const processes = await host.processes.others();
  const entry = await readWorkenv(root, id, host, processes);
  if (entry !== undefined) return { root, entry };
  throw new PspfError("cache/not-found", `There is no workenv "${id}"`, {
    context: { id, path: root.workenvs },
    hint: 'See "flavor workenv list"',
  });
}
