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
export { detectPlatforms, EXECUTABLE_HEAD_SIZE } from "./executable_format.ts";
export {
  findLauncher,
  type FindLauncherOptions,
  type Launcher,
} from "./find_launcher.ts";
export * from "./helpers.ts";
export { inspectLauncher, type LauncherFacts } from "./inspect_launcher.ts";
export * from "./platform.ts";
