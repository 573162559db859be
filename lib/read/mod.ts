/**
 * Opens, inspects, verifies and extracts packages. Runs unchanged in a browser.
 *
 * @example Verify some bytes
 * ```ts
 * import { BytesSource } from "@flavor/pspf/io";
 * import { verifyPackage } from "@flavor/pspf/read";
 * import { assertEquals } from "@std/assert";
 *
 * const { valid, checks } = await verifyPackage(new BytesSource(new Uint8Array(100)));
 * assertEquals(valid, false);
 * assertEquals(checks.map(({ id, status }) => `${id}: ${status}`), ["trailer: fail"]);
 * ```
 *
 * @module
 */

export type { ContentOptions } from "./check_content.ts";
export type { VerifyCheck } from "./check_log.ts";
export type { TrustedKey } from "./check_trust.ts";
export { type ExtractOptions, extractSlot } from "./extract_slot.ts";
export {
  inspectPackage,
  type PackageSummary,
  type SlotSummary,
} from "./inspect_package.ts";
export {
  type OpenedPackage,
  type OpenOptions,
  openPackage,
} from "./open_package.ts";
export type { PackageSlot } from "./package_slot.ts";
export { PSPFReader, type SlotReference } from "./pspf_reader.ts";
export type { PackageIndex, Section } from "./read_index.ts";
export { streamSlot, type StreamSlotOptions } from "./stream_slot.ts";
export {
  DEFAULT_VERIFY_LEVEL,
  parseVerifyLevel,
  VERIFY_LEVELS,
  type VerifyLevel,
} from "./verify_level.ts";
export {
  type VerifyOptions,
  verifyPackage,
  type VerifyReport,
} from "./verify_package.ts";
