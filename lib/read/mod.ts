/**
 * Opens, inspects, verifies and extracts packages. Runs unchanged in a browser.
 *
 * @example Verify some bytes
 * ```ts
 * import { verifyPackage } from "@flavor/pspf/read";
 * import { assertEquals } from "@std/assert";
 *
 * const { valid, checks } = await verifyPackage(new Uint8Array(100));
 * assertEquals(valid, false);
 * assertEquals(checks.map(({ id, status }) => `${id}: ${status}`), ["trailer: fail"]);
 * ```
 *
 * @module
 */

export type { ContentOptions } from "./check_content.ts";
export {
  VERIFY_LEVELS,
  type VerifyCheck,
  type VerifyLevel,
} from "./check_log.ts";
export type { TrustedKey } from "./check_trust.ts";
export type { FoundPackage, PlatformSignature } from "./find_package.ts";
export {
  inspectPackage,
  type PackageSummary,
  type SlotSummary,
} from "./inspect_package.ts";
export type { OpenedPackage, OpenOptions } from "./open_package.ts";
export { PSPFReader, type SlotReference } from "./pspf_reader.ts";
export type { PackageIndex, Section } from "./read_index.ts";
export type { PackageSlot } from "./resolve_slots.ts";
export type {
  ExtractOptions,
  PackageEntry,
  StreamSlotOptions,
} from "./slot_content.ts";
export {
  type VerifyOptions,
  verifyPackage,
  type VerifyReport,
} from "./verify_package.ts";
