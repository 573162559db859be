/**
 * The cache that launchers extract packages into: what is in it, and how to
 * remove it without pulling a running program's files away.
 *
 * @example An id cannot lead out of the cache
 * ```ts
 * import { isWorkenvId } from "@flavor/pspf/workenv";
 * import { assert } from "@std/assert";
 *
 * assert(isWorkenvId("00112233445566778899aabbccddeeff"));
 * assert(!isWorkenvId("../00112233445566778899aabbccddee"));
 * ```
 *
 * @module
 */
export { type CacheRoot, findCacheRoot } from "./cache_root.ts";
export {
  type CleanOptions,
  type CleanReport,
  cleanWorkenvs,
} from "./clean_workenvs.ts";
export { findWorkenv, type FoundWorkenv } from "./find_workenv.ts";
export { listWorkenvs, type WorkenvList } from "./list_workenvs.ts";
export type { WorkenvActivity } from "./probe_activity.ts";
export { removeWorkenv } from "./remove_workenv.ts";
export type { WorkenvEntry } from "./workenv_entry.ts";
export type { WorkenvHost } from "./workenv_host.ts";
export { checkWorkenvId, isWorkenvId } from "./workenv_id.ts";
