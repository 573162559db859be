/**
 * Packs any application into one signed executable file (PSPF/2025), and
 * reads, verifies and extracts such files.
 *
 * Importing this module needs no permission and does nothing. Everything that
 * reads runs in a browser, too.
 *
 * @example Build a package in memory and verify it
 * ```ts
 * import { BytesSource, generateKeyPair, sign } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * const keys = await generateKeyPair();
 * const signature = await sign(keys, new TextEncoder().encode("hello"));
 * assertEquals(signature.length, 64);
 * await using source = new BytesSource(signature, "signature");
 * assertEquals(source.size, 64);
 * ```
 *
 * @module
 */

export {
  ERROR_CODES,
  type ErrorCodeInfo,
  isPspfError,
  type JsonValue,
  PspfError,
  type PspfErrorCode,
  type PspfErrorJson,
  type PspfErrorOptions,
} from "./lib/errors.ts";
export * from "./lib/build/mod.ts";
export * from "./lib/crypto/mod.ts";
export {
  Operation,
  OperationChain,
  type OperationCode,
  SlotLifecycle,
  type SlotLifecycleName,
  SlotPurpose,
  type SlotPurposeName,
} from "./lib/format/mod.ts";
export * from "./lib/io/mod.ts";
export * from "./lib/manifest/mod.ts";
export * from "./lib/read/mod.ts";
