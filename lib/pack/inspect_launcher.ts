import { createSha256 } from "../crypto/sha256.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";

/** What a launcher says about itself. */
export interface LauncherFacts {
  /** SHA-256 of its bytes. */
  readonly digest: Uint8Array;
  /** Length in bytes. */
  readonly size: number;
  /**
   * Names of the operations that it can undo, when it is one of ours;
   * `undefined` for a foreign launcher.
   */
  readonly operations: ReadonlySet<string> | undefined;
}

/** Our launchers carry this text, with the operations that they can undo. */
const MARKER_REGEXP = /flavor-rs-launcher\/1 pspf-2025 ops=([a-z0-9,]+);/;

/** Longer than any marker, so that one across two chunks is found. */
const OVERLAP = 256;

/**
 * Reads a launcher once: for its digest, and for the marker that tells ours
 * from the existing ones, which can undo less.
 *
 * @param launcher The launcher.
 * @param signal Stops the read.
 * @returns What it says about itself.
 * @throws {PspfError} `io/failed`
 */
export async function inspectLauncher(
  launcher: RandomAccessSource,
  signal?: AbortSignal,
): Promise<LauncherFacts> {
  const hash = createSha256();
  const decoder = new TextDecoder("latin1");
  let operations: ReadonlySet<string> | undefined;
  let before = "";
  const stream = launcher.stream(
    0,
    launcher.size,
    signal === undefined ? {} : { signal },
  );
  for await (const chunk of stream) {
    await hash.update(chunk);
    if (operations !== undefined) continue;
    const text = before + decoder.decode(chunk);
    const list = MARKER_REGEXP.exec(text)?.[1];
    if (list !== undefined) operations = new Set(list.split(","));
    before = text.slice(-OVERLAP);
  }
  return { digest: await hash.digest(), size: launcher.size, operations };
}
