/**
 * Packs any application into one signed executable file (PSPF/2025), and
 * reads, verifies and extracts such files.
 *
 * Importing this module needs no permission and does nothing. Everything that
 * reads runs in a browser, too: import it from `@flavor/pspf/read` there.
 *
 * @example Build a package in memory, and verify it
 * ```ts
 * import { PSPFBuilder, verifyPackage } from "@flavor/pspf";
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
 * const { valid } = await verifyPackage(bytes);
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
} from "./lib/errors.ts";
export {
  generateKeyPair,
  keyFingerprint,
  type KeyPair,
} from "./lib/crypto/mod.ts";
export {
  Operation,
  OperationChain,
  type OperationCode,
  type PackageMetadata,
  SlotLifecycle,
  type SlotLifecycleName,
  SlotPurpose,
  type SlotPurposeName,
} from "./lib/format/mod.ts";
export {
  type ExtractTarget,
  type FileTree,
  MemoryTree,
  type RandomAccessSource,
  type SourceInput,
} from "./lib/io/mod.ts";
export {
  type BatchOptions,
  type BatchOutcome,
  type BatchTask,
  buildBatch,
  type BuilderExecution,
  type BuilderMetadata,
  type BuildFromManifestOptions,
  buildPackageFromManifest,
  type BuildProgress,
  type BuildReport,
  type BuildResult,
  type HostOptions,
  type KeyFiles,
  type LauncherInput,
  pack,
  type PackInit,
  type PackSettings,
  PSPFBuilder,
  type SigningKey,
  type SlotData,
  type SlotDescriptor,
  type StoredSlot,
  writeKeyFiles,
} from "./lib/pack/mod.ts";
export {
  inspectPackage,
  type OpenOptions,
  type PackageEntry,
  type PackageSlot,
  type PackageSummary,
  PSPFReader,
  type SlotReference,
  type TrustedKey,
  type VerifyCheck,
  type VerifyLevel,
  type VerifyOptions,
  verifyPackage,
  type VerifyReport,
} from "./lib/read/mod.ts";
export {
  extractPackage,
  type ExtractPackageOptions,
} from "./lib/read/extract_package.ts";
