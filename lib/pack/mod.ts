/**
 * Building of packages: a plan and a host's files go in, a signed and sealed
 * package comes out as a stream, in one pass and constant memory. The same input
 * gives the same bytes everywhere.
 *
 * Programs use {@linkcode pack}, {@linkcode PSPFBuilder} or
 * {@linkcode buildPackageFromManifest}; {@linkcode buildPackage} and
 * {@linkcode writePackage} are what all of them are made of.
 *
 * @module
 */

export type { BlockCacheChoice } from "./block_cache.ts";
export {
  type BatchOptions,
  type BatchOutcome,
  type BatchTask,
  buildBatch,
} from "./build_batch.ts";
export {
  type BuildOptions,
  buildPackage,
  type BuildProgress,
  type BuildReport,
  type SettledPlan,
  settlePlan,
  writePackage,
} from "./build_package.ts";
export type {
  BuilderExecution,
  BuilderMetadata,
  SlotData,
  SlotDescriptor,
} from "./builder_plan.ts";
export type { EncodedSlot } from "./encode_slot.ts";
export {
  type KeyFiles,
  readKeyFiles,
  type ReadKeyOptions,
  type SigningKey,
  writeKeyFiles,
  type WriteKeyOptions,
} from "./key_files.ts";
export { type HostOptions, loadHost, type PackHost } from "./pack_host.ts";
export {
  type BuildFromManifestOptions,
  buildPackageFromManifest,
  pack,
  type PackInit,
} from "./pack_manifest.ts";
export type {
  BuildResult,
  LauncherInput,
  PackSettings,
} from "./pack_to_file.ts";
export type { StoredSlot } from "./package_tail.ts";
export { PSPFBuilder } from "./pspf_builder.ts";
export type {
  ContentOptions,
  FoundSource,
  SlotSource,
  SourceOpener,
} from "./slot_source.ts";
export { TOOL_NAME, TOOL_VERSION } from "./tool_version.ts";
