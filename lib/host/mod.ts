/**
 * The machine behind narrow interfaces: files, processes, locks, time. The only
 * folder that touches the runtime's own interfaces; everything else takes what
 * it needs as a parameter.
 *
 * @example Read a file's size
 * ```ts
 * import { createDenoHost } from "@flavor/pspf/host";
 * import { assert } from "@std/assert";
 *
 * const host = createDenoHost();
 * const facts = await host.reader.facts(".");
 * assert(facts?.kind === "directory");
 * ```
 *
 * @module
 */
export { createDenoHost, type DenoHostOptions } from "./deno_host.ts";
export type * from "./types.ts";
export type { ByteSink } from "../io/byte_sink.ts";
export type { ExtractTarget } from "../io/extract_target.ts";
export type {
  FileTree,
  FileTreeEntry,
  OpenTreeFile,
  UnsupportedTreeEntry,
} from "../io/file_tree.ts";
export type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
