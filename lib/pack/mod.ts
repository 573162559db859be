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

export type { ModeRule } from "../archive/mode_rule.ts";
export type { LauncherFacts } from "../launchers/inspect_launcher.ts";
export type {
  Platform,
  PlatformArch,
  PlatformOs,
} from "../launchers/platform.ts";
export type { BlockCacheChoice } from "./block_cache.ts";
export type { EncodedSlot } from "./encode_slot.ts";
export {
  type BatchOptions,
  type BatchOutcome,
  type BatchTask,
  buildBatch,
} from "./build_batch.ts";
export type { BuildProgress, BuildReport } from "./build_package.ts";
export type {
  BuilderExecution,
  BuilderMetadata,
  SlotData,
  SlotDescriptor,
} from "./builder_plan.ts";
export {
  type KeyFiles,
  type SigningKey,
  writeKeyFiles,
  type WriteKeyOptions,
} from "./key_files.ts";
export type { HostOptions, PackHost } from "./pack_host.ts";
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
