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
export {
  fileFrameUnit,
  fnv1a32,
  FRAME_DIGEST_SIZE,
  FRAME_UNIT,
  type FramedMember,
  FrameRule,
  type FrameTable,
  isFramed,
  MAX_FRAME_COUNT,
} from "./frames.ts";
export {
  encodeIndexBlock,
  goIndexChecksum,
  type IndexBlock,
  type IndexBlockInit,
  indexChecksum,
  parseIndexBlock,
  writeIndexChecksum,
} from "./index_block.ts";
export { computeLayout, type Layout, type PartSizes } from "./layout.ts";
export type * from "./metadata.ts";
export { encodeMetadata, parseMetadata } from "./metadata_document.ts";
export {
  Operation,
  OperationChain,
  type OperationCode,
  operationName,
} from "./operations.ts";
export {
  encodeSeal,
  hasSeal,
  parseSeal,
  type Seal,
  SEAL_OFFSET,
  SEAL_SIZE,
  sealMessage,
  writeSealSignature,
} from "./seal.ts";
export {
  encodeSlotDescriptor,
  encodeSlotTable,
  parseSlotDescriptor,
  parseSlotTable,
  type SlotDescriptor,
  slotDescriptorId,
} from "./slot_descriptor.ts";
export {
  formatPermissions,
  KNOWN_LIFECYCLES,
  KNOWN_PURPOSES,
  lifecycleByte,
  normalizeLifecycle,
  parsePermissions,
  purposeByte,
  SLOT_PLATFORMS,
  SlotLifecycle,
  type SlotLifecycleName,
  type SlotPlatform,
  SlotPurpose,
  type SlotPurposeName,
} from "./slot_words.ts";
export { parseStrictJson, type StrictJsonOptions } from "./strict_json.ts";
export { encodeTrailer, findAppendedBytes, parseTrailer } from "./trailer.ts";
