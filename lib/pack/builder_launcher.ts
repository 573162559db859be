import { fromFileUrl } from "@std/path";
import { BlobSource } from "../io/blob_source.ts";
import { borrowSource } from "../io/borrow_source.ts";
import { BytesSource } from "../io/bytes_source.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type {
  BuilderHost,
  FoundLauncher,
  LauncherRequest,
} from "./builder_host.ts";

/**
 * The program at the front of a package: its bytes, its path, or the platform
 * to find one for, as `linux_arm64` or as `{ os, arch }`.
 */
export type LauncherChoice =
  | Uint8Array
  | Blob
  | RandomAccessSource
  | URL
  | string
  | FoundLauncher["target"];

/** A launcher that is open. */
export interface OpenedLauncher {
  /** Its bytes; the opener's to close. */
  readonly source: RandomAccessSource;
  /** What it runs on, where that is known. */
  readonly target?: FoundLauncher["target"];
}

const PLATFORM_REGEXP = /^(?:linux|darwin|windows)_(?:amd64|arm64)$/;

/**
 * Tells bytes from a file to be found.
 *
 * @param choice What was asked for; the launcher of this machine when absent.
 * @returns What to ask a host for, or `undefined` for bytes at hand.
 */
export function launcherRequest(
  choice: LauncherChoice | undefined,
): LauncherRequest | undefined {
  if (choice === undefined) return {};
  if (typeof choice === "string") {
    return PLATFORM_REGEXP.test(choice) ? { target: choice } : { path: choice };
  }
  if (choice instanceof URL) return { path: fromFileUrl(choice) };
  return "arch" in choice
    ? { target: `${choice.os}_${choice.arch}` }
    : undefined;
}

/**
 * Opens a launcher.
 *
 * @param choice What was asked for.
 * @param host Finds files.
 * @returns The launcher.
 * @throws {PspfError} `launcher/not-found`, `launcher/wrong-format`,
 * `usage/bad-argument`, `io/not-found`
 */
export async function openLauncher(
  choice: LauncherChoice | undefined,
  host: () => Promise<BuilderHost>,
): Promise<OpenedLauncher> {
  const request = launcherRequest(choice);
  if (request !== undefined) {
    const { findLauncher, reader } = await host();
    const { path, target } = await findLauncher(request);
    return { source: await reader.openSource(path), target };
  }
  if (choice instanceof Uint8Array) {
    return { source: new BytesSource(choice, "launcher") };
  }
  if (choice instanceof Blob) {
    return { source: new BlobSource(choice, "launcher") };
  }
  // What the caller opened, the caller closes.
  return { source: borrowSource(choice as RandomAccessSource) };
}
