/**
 * The PSPF/2025 format: how a package is laid out byte by byte. Everything here
 * is pure and synchronous; nothing reads a file or computes a digest.
 *
 * @example Read the index block of a package
 * ```ts
 * import { encodeTrailer, parseIndexBlock, parseTrailer } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const lastBytes = encodeTrailer(new Uint8Array(8192));
 * const index = parseIndexBlock(parseTrailer(lastBytes));
 * assertEquals(index.slotCount, 0);
 * ```
 *
 * @module
 */

export * from "./constants.ts";
export { FRAME_DIGEST_SIZE, FRAME_UNIT, type FrameTable } from "./frames.ts";
export { type IndexBlock, parseIndexBlock } from "./index_block.ts";
export type * from "./metadata.ts";
export { parseMetadata } from "./metadata_document.ts";
export { Operation, OperationChain, type OperationCode } from "./operations.ts";
export { parseSeal, type Seal, sealMessage } from "./seal.ts";
export {
  parseSlotDescriptor,
  parseSlotTable,
  type SlotDescriptor,
} from "./slot_descriptor.ts";
export {
  SLOT_PLATFORMS,
  SlotLifecycle,
  type SlotLifecycleName,
  type SlotPlatform,
  SlotPurpose,
  type SlotPurposeName,
} from "./slot_words.ts";
export { findAppendedBytes, parseTrailer } from "./trailer.ts";
