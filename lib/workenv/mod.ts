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
export {
  type CacheRoot,
  findCacheRoot,
  type WorkenvHost,
} from "./cache_root.ts";
export {
  type CleanOptions,
  type CleanReport,
  cleanWorkenvs,
  removeWorkenv,
} from "./remove_workenvs.ts";
export {
  findWorkenv,
  isWorkenvId,
  listWorkenvs,
  type WorkenvActivity,
  type WorkenvEntry,
  type WorkenvList,
} from "./workenvs.ts";
