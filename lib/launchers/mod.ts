/**
 * Native helpers: where they are, what they are, and which one starts a
 * package.
 *
 * @example Tell what a file runs on
 * ```ts
 * import { detectPlatforms } from "@flavor/pspf/launchers";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(detectPlatforms(new TextEncoder().encode("#!/bin/sh")), []);
 * ```
 *
 * @module
 */
export { inspectLauncher, type LauncherFacts } from "./inspect_launcher.ts";
export { buildHelpers } from "./build_helpers.ts";
export { detectPlatforms, EXECUTABLE_HEAD_SIZE } from "./executable_format.ts";
export {
  findLauncher,
  type FindLauncherOptions,
  type Launcher,
  type LauncherHost,
} from "./find_launcher.ts";
export {
  helperFileName,
  type HelperLanguage,
  type HelperName,
  type HelperRole,
  parseHelperName,
} from "./helper_name.ts";
export { helperVersion } from "./helper_version.ts";
export {
  type HelperFacts,
  inspectHelper,
  MAX_HELPER_SIZE,
} from "./inspect_helper.ts";
export {
  type HelperPlace,
  helperPlaces,
  type PlaceFacts,
} from "./launcher_places.ts";
export { type Helper, listHelpers } from "./list_helpers.ts";
export {
  parsePlatform,
  type Platform,
  type PlatformArch,
  platformName,
  type PlatformOs,
  PLATFORMS,
} from "./platform.ts";
