/**
 * Building of packages: a plan and a host's files go in, a signed and sealed
 * package comes out as a stream. Memory does not grow with the size of slots,
 * and the same input gives the same bytes everywhere.
 *
 * See {@linkcode buildPackage} and {@linkcode assemblePackage} for examples.
 *
 * @module
 */

export { assemblePackage } from "./assemble_package.ts";
export type { BuildOptions, BuildProgress } from "./build_options.ts";
export { buildPackage, type BuildPackageOptions } from "./build_package.ts";
export type { BuildReport, SlotReport } from "./build_report.ts";
export { inspectLauncher, type LauncherFacts } from "./inspect_launcher.ts";
export { createSourceOpener } from "./source_opener.ts";
export type { SlotSource, SlotSourceOpener } from "./slot_source.ts";
export { TOOL_NAME, TOOL_VERSION } from "./tool_version.ts";
