import { PspfError } from "../errors.ts";
import {
  END_MARKER,
  INDEX_BLOCK_SIZE,
  MARKER_SIZE,
  START_MARKER,
  TRAILER_SIZE,
} from "./constants.ts";

/** Wraps an index block into the trailer of a package. */
export function encodeTrailer(block: Uint8Array): Uint8Array<ArrayBuffer> {
  if (block.length !== INDEX_BLOCK_SIZE) {
    throw new RangeError(
      `Cannot encode the trailer: index block has ${block.length} bytes, expected ${INDEX_BLOCK_SIZE}`,
    );
  }
  const trailer = new Uint8Array(TRAILER_SIZE);
  const view = new DataView(trailer.buffer);
  view.setUint32(0, START_MARKER, true);
  trailer.set(block, MARKER_SIZE);
  view.setUint32(MARKER_SIZE + INDEX_BLOCK_SIZE, END_MARKER, true);
  return trailer;
}

/** Whether the last bytes of a file are those of a package. */
export function isTrailer(bytes: Uint8Array): boolean {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return bytes.length === TRAILER_SIZE &&
    view.getUint32(0, true) === START_MARKER &&
    view.getUint32(MARKER_SIZE + INDEX_BLOCK_SIZE, true) === END_MARKER;
}

/**
 * Takes the index block out of the last bytes of a file.
 *
 * @param trailer The last 8200 bytes.
 * @returns The index block, 8192 bytes, not copied.
 * @throws {PspfError} `format/not-a-package` when a marker is missing.
 *
 * @example Any other file
 * ```ts
 * import { parseTrailer } from "@flavor/pspf/format";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => parseTrailer(new Uint8Array(8200)));
 * ```
 */
export function parseTrailer(trailer: Uint8Array): Uint8Array {
  if (trailer.length !== TRAILER_SIZE) {
    throw notAPackage(`${trailer.length} bytes, expected ${TRAILER_SIZE}`);
  }
  const view = new DataView(
    trailer.buffer,
    trailer.byteOffset,
    trailer.byteLength,
  );
  if (view.getUint32(MARKER_SIZE + INDEX_BLOCK_SIZE, true) !== END_MARKER) {
    throw notAPackage("the end marker is missing");
  }
  if (view.getUint32(0, true) !== START_MARKER) {
    throw notAPackage("the start marker is missing");
  }
  return trailer.subarray(MARKER_SIZE, MARKER_SIZE + INDEX_BLOCK_SIZE);
}

/**
 * Looks for the end of a package inside of a piece of a file, to tell a package
 * with something appended from a file of another kind.
 *
 * @param tail The last bytes of a file, at least a trailer long to be useful.
 * @returns The number of bytes after the package's end, or `undefined` when
 * there is no trailer in the piece.
 *
 * @example Three bytes too many
 * ```ts
 * import { encodeTrailer } from "./trailer.ts";
import { findAppendedBytes } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const tail = new Uint8Array(8203);
 * tail.set(encodeTrailer(new Uint8Array(8192)));
 * assertEquals(findAppendedBytes(tail), 3);
 * ```
 */
export function findAppendedBytes(tail: Uint8Array): number | undefined {
  const view = new DataView(tail.buffer, tail.byteOffset, tail.byteLength);
  for (let end = tail.length; end >= TRAILER_SIZE; end--) {
    const isTrailer = view.getUint32(end - MARKER_SIZE, true) === END_MARKER &&
      view.getUint32(end - TRAILER_SIZE, true) === START_MARKER;
    if (isTrailer) return tail.length - end;
  }
  return undefined;
}

function notAPackage(problem: string): PspfError {
  return new PspfError(
    "format/not-a-package",
    `Cannot find a PSPF/2025 package: ${problem}`,
    { hint: "Check that the file is complete and is a package" },
  );
}
