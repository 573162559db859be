/**
 * Packs any application into one signed executable file (PSPF/2025), and
 * reads, verifies and extracts such files.
 *
 * Importing this module needs no permission and does nothing. Everything that
 * reads runs in a browser, too.
 *
 * @example Build a package in memory, and verify it
 * ```ts
 * import { BytesSource, PSPFBuilder, verifyPackage } from "@flavor/pspf";
 * import { assert } from "@std/assert";
 *
 * const stream = new PSPFBuilder()
 *   .setPackageName("hello")
 *   .setPackageVersion("1.0.0")
 *   .setMetadata({ execution: { command: "sh {workenv}/hello.sh" } })
 *   .addSlot({ name: "hello.sh" }, new TextEncoder().encode("echo hello\n"))
 *   .setLauncher(new TextEncoder().encode("launcher"))
 *   .build();
 * const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
 *
 * const { valid } = await verifyPackage(new BytesSource(bytes));
 * assert(valid);
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
export type { ModeRule } from "./lib/archive/mode_rule.ts";
export * from "./lib/pack/mod.ts";
export * from "./lib/crypto/mod.ts";
export {
  type IndexBlock,
  Operation,
  OperationChain,
  type OperationCode,
  type Seal,
  // Named after what it is, beside the descriptor that builders take.
  type SlotDescriptor as StoredSlotDescriptor,
  SlotLifecycle,
  type SlotLifecycleName,
  SlotPurpose,
  type SlotPurposeName,
} from "./lib/format/mod.ts";
export type * from "./lib/format/metadata.ts";
export type {
  Clock,
  DirectoryDraft,
  FileFacts,
  FileKind,
  FileReader,
  FileWriter,
  SinkOptions,
} from "./lib/host/types.ts";
export * from "./lib/io/mod.ts";
export * from "./lib/manifest/mod.ts";
export * from "./lib/read/mod.ts";
