/**
 * Where bytes come from and go to, as small interfaces with implementations in
 * memory. Files are the business of the host.
 *
 * @example A package that was dropped onto a page
 * ```ts
 * import { BlobSource } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * const source = new BlobSource(new File(["hello"], "app.psp"));
 * assertEquals([source.name, source.size], ["app.psp", 5]);
 * ```
 *
 * @module
 */

export { BlobSource } from "./blob_source.ts";
export { BytesSource } from "./bytes_source.ts";
export type { ExtractTarget } from "./extract_target.ts";
export type {
  FileTree,
  FileTreeEntry,
  OpenTreeFile,
  UnsupportedTreeEntry,
} from "./file_tree.ts";
export type { SourceInput } from "./open_source.ts";
export { type MemoryEntry, MemoryTarget } from "./memory_target.ts";
export { MemoryTree, type MemoryTreeInit } from "./memory_tree.ts";
export type {
  RandomAccessSource,
  ReadOptions,
} from "./random_access_source.ts";
