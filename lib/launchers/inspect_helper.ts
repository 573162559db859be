import { encodeHex } from "@std/encoding/hex";

import { createSha256 } from "../crypto/mod.ts";
import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import { detectPlatforms, EXECUTABLE_HEAD_SIZE } from "./executable_format.ts";
import type { Platform } from "./platform.ts";

/** Largest launcher or builder that is looked at, in bytes. */
export const MAX_HELPER_SIZE = 256 * 1024 * 1024;

/**
 * The first bytes of the text that a seal signs. Only a launcher that checks
 * seals contains it, so it tells ours from those that would ignore one.
 */
const SEAL_DOMAIN = new TextEncoder().encode("PSPF-SEAL-1");

/** What a helper's bytes say. */
export interface HelperFacts {
  /** Length in bytes. */
  readonly size: number;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly digest: string;
  /** Platforms that it runs on; empty when it is no known kind of program. */
  readonly platforms: readonly Platform[];
  /** Whether it is one of ours: it checks seals and decodes every operation. */
  readonly checksSeals: boolean;
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
  const hash = createSha256();
  const finder = new PatternFinder(SEAL_DOMAIN);
  for await (const chunk of source.stream(0, source.size)) {
    await hash.update(chunk);
    finder.update(chunk);
  }
  return {
    size: source.size,
    digest: encodeHex(await hash.digest()),
    platforms: detectPlatforms(head),
    checksSeals: finder.found,
  };
}

/** Looks for a few bytes in a stream, across chunk borders. */
class PatternFinder {
  found = false;
  readonly #pattern: Uint8Array;
  #tail = new Uint8Array(0);

  constructor(pattern: Uint8Array) {
    this.#pattern = pattern;
  }

  update(chunk: Uint8Array): void {
    if (this.found) return;
    const keep = this.#pattern.length - 1;
    const seam = new Uint8Array([...this.#tail, ...chunk.subarray(0, keep)]);
    this.found = indexOf(seam, this.#pattern) || indexOf(chunk, this.#pattern);
    const joined = chunk.length >= keep
      ? chunk.subarray(chunk.length - keep)
      : seam.subarray(Math.max(0, seam.length - keep));
    this.#tail = joined.slice();
  }
}

function indexOf(bytes: Uint8Array, pattern: Uint8Array): boolean {
  const [first] = pattern;
  if (first === undefined) return true;
  for (
    let at = bytes.indexOf(first);
    at !== -1;
    at = bytes.indexOf(first, at + 1)
  ) {
    if (pattern.every((byte, index) => bytes[at + index] === byte)) return true;
  }
  return false;
}
