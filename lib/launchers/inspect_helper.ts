import { encodeHex } from "@std/encoding/hex";

import { inspectLauncher } from "./inspect_launcher.ts";
import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import { detectPlatforms, EXECUTABLE_HEAD_SIZE } from "./executable_format.ts";
import type { Platform } from "./platform.ts";

/** Largest launcher or builder that is looked at, in bytes. */
export const MAX_HELPER_SIZE = 256 * 1024 * 1024;

/** What a helper's bytes say. */
export interface HelperFacts {
  /** Length in bytes. */
  readonly size: number;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly digest: string;
  /** Platforms that it runs on; empty when it is no known kind of program. */
  readonly platforms: readonly Platform[];
  /**
   * Names of the operations that it can undo, when it is one of our launchers;
   * `undefined` for any other program.
   */
  readonly operations: readonly string[] | undefined;
}

/**
 * Reads a helper once and says what it is; nothing of it is run.
 *
 * @param path The file.
 * @param reader Opens it.
 * @returns The facts.
 * @throws {PspfError} `io/not-found`, `io/denied`, `launcher/wrong-format`
 */
export async function inspectHelper(
  path: string,
  reader: Pick<FileReader, "openSource">,
): Promise<HelperFacts> {
  await using source = await reader.openSource(path);
  if (source.size > MAX_HELPER_SIZE) {
    throw new PspfError(
      "launcher/wrong-format",
      `"${path}" is too large for a launcher: ${source.size} bytes, at most ${MAX_HELPER_SIZE}`,
      { context: { path, actual: source.size, expected: MAX_HELPER_SIZE } },
    );
  }
  const head = await source.read(
    0,
    Math.min(source.size, EXECUTABLE_HEAD_SIZE),
  );
  const { digest, operations } = await inspectLauncher(source);
  return {
    size: source.size,
    digest: encodeHex(digest),
    platforms: detectPlatforms(head),
    operations: operations === undefined ? undefined : [...operations],
  };
}
