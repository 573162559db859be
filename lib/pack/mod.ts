/**
 * Building of packages: a plan and a host's files go in, a signed and sealed
 * package comes out as a stream. Memory does not grow with the size of slots,
 * and the same input gives the same bytes everywhere.
 *
 * Programs use {@linkcode PSPFBuilder} or
 * {@linkcode buildPackageFromManifest}; {@linkcode buildPackage} and
 * {@linkcode assemblePackage} are what both are made of.
 *
 * @module
 */

export { assemblePackage } from "./assemble_package.ts";
export {
  type BatchOptions,
  type BatchOutcome,
  type BatchTask,
  buildBatch,
} from "./build_batch.ts";
export type { BuildOptions, BuildProgress } from "./build_options.ts";
export { buildPackage, type BuildPackageOptions } from "./build_package.ts";
export {
  type BuildFromManifestOptions,
  buildPackageFromManifest,
} from "./build_package_from_manifest.ts";
export type { BuildReport, SlotReport } from "./build_report.ts";
export type { BuildResult } from "./build_result.ts";
export type {
  BuilderHost,
  FoundLauncher,
  LauncherRequest,
} from "./builder_host.ts";
export type { LauncherChoice } from "./builder_launcher.ts";
export type { BuilderExecution, BuilderMetadata } from "./builder_metadata.ts";
export type { BuilderOptions } from "./builder_options.ts";
export { createDirectory } from "./create_directory.ts";
export { loadDefaultHost } from "./default_host.ts";
export { inspectLauncher, type LauncherFacts } from "./inspect_launcher.ts";
export {
  type HostOptions,
  type KeyChoice,
  type KeyFiles,
  readKeyFiles,
  type ReadKeyOptions,
  writeKeyFiles,
  type WriteKeyOptions,
} from "./key_files.ts";
export { openFile } from "./open_file.ts";
export { packageFileName } from "./package_file_name.ts";
export { PSPFBuilder } from "./pspf_builder.ts";
export {
  openSlotCache,
  SlotCache,
  type SlotCacheChoice,
  type SlotCacheDraft,
  type SlotCacheHit,
  type SlotCacheHost,
} from "./slot_cache.ts";
export type { SlotCacheFooter } from "./slot_cache_entry.ts";
export type { SlotData } from "./slot_data.ts";
export type { BuiltSlotDescriptor, SlotDescriptor } from "./slot_descriptor.ts";
export { countFiles, type OpenedSlot, type SlotInput } from "./opened_slot.ts";
export {
  type SettledPlan,
  type SettleOptions,
  settlePlan,
} from "./settle_plan.ts";
export type { SlotSource, SlotSourceOpener } from "./slot_source.ts";
export {
  createSourceOpener,
  openSourcePath,
  type SourceOpenerPlaces,
} from "./source_opener.ts";
export { TOOL_NAME, TOOL_VERSION } from "./tool_version.ts";
