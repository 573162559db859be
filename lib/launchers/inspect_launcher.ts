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
  /** Its version, where it names one. */
  readonly version: string | undefined;
  /** SHA-256 of its sources in hex, where it names one. */
  readonly source: string | undefined;
}

/**
 * Our launchers carry this text: the operations that they can undo, then their
 * version and what they were made from.
 */
const MARKER_REGEXP =
  /flavor-rs-launcher\/1 pspf-2025 ops=([a-z0-9,]+);(?: version=([\w.+-]+) source=(?:([0-9a-f]{64})|unknown);)?/;

/** Longer than any marker, so that one across two chunks is found whole. */
const OVERLAP = 512;

/**
 * Reads a launcher once: for its digest, and for the marker that tells ours
 * from the existing ones, which can undo less.
 */
export async function inspectLauncher(
  launcher: RandomAccessSource,
  signal?: AbortSignal,
): Promise<LauncherFacts> {
  const hash = createSha256();
  const decoder = new TextDecoder("latin1");
  let marker: RegExpExecArray | undefined;
  let text = "";
  for await (const chunk of launcher.stream(0, launcher.size, { signal })) {
    await hash.update(chunk);
    if (marker !== undefined) continue;
    text = text.slice(-OVERLAP) + decoder.decode(chunk);
    const found = MARKER_REGEXP.exec(text);
    // One at the very end may go on in the next chunk.
    if (found !== null && found.index < text.length - OVERLAP) marker = found;
  }
  marker ??= MARKER_REGEXP.exec(text) ?? undefined;
  const [, operations, version, source] = marker ?? [];
  return {
    digest: await hash.digest(),
    size: launcher.size,
    operations: operations === undefined
      ? undefined
      : new Set(operations.split(",")),
    version,
    source,
  };
}
