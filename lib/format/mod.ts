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
export { encodeMetadata } from "./encode_metadata.ts";
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
export {
  isOperationCode,
  Operation,
  type OperationCode,
  operationName,
} from "./operation.ts";
export { OperationChain } from "./operation_chain.ts";
export { packOperations, unpackOperations } from "./pack_operations.ts";
export { parseMetadata } from "./parse_metadata.ts";
export {
  formatPermissions,
  parsePermissions,
  readPermissions,
} from "./permissions.ts";
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
  isKnownLifecycle,
  lifecycleByte,
  normalizeLifecycle,
  SlotLifecycle,
  type SlotLifecycleName,
} from "./slot_lifecycle.ts";
export {
  isKnownPurpose,
  purposeByte,
  SlotPurpose,
  type SlotPurposeName,
} from "./slot_purpose.ts";
export { parseStrictJson, type StrictJsonOptions } from "./strict_json.ts";
export { encodeTrailer, findAppendedBytes, parseTrailer } from "./trailer.ts";
