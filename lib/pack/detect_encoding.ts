import { startsWith } from "@std/bytes/starts-with";
import { USTAR_MAGIC, USTAR_OFFSET } from "../archive/tar_header.ts";
import { Operation, type OperationCode } from "../format/operation.ts";

/** Bytes that {@linkcode detectEncoding} wants to see. */
export const DETECTION_SIZE = 512;

const MAGICS: readonly (readonly [
  code: OperationCode | "archive",
  magic: Uint8Array,
])[] = [
  [Operation.GZIP, Uint8Array.from([0x1f, 0x8b, 0x08])],
  [Operation.ZSTD, Uint8Array.from([0x28, 0xb5, 0x2f, 0xfd])],
  [Operation.XZ, Uint8Array.from([0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00])],
  // "BZh", a level, and the magic of the first block; the level is not looked at.
  [Operation.BZIP2, Uint8Array.from([0x42, 0x5a, 0x68])],
  // zip: jar, wheel, apk
  ["archive", Uint8Array.from([0x50, 0x4b, 0x03, 0x04])],
];

/** What the first bytes of a file say about it. */
export interface DetectedEncoding {
  /** The compression that it has, if it is one of the format's operations. */
  readonly compression: OperationCode | undefined;
  /** Whether it is compressed in any way, so that doing it again is a waste. */
  readonly isCompressed: boolean;
  /** Whether it is a plain tar archive. */
  readonly isTar: boolean;
}

/**
 * Looks at the first bytes of a file for a compression or an archive.
 *
 * @param head The first {@linkcode DETECTION_SIZE} bytes, or all there are.
 * @returns What they say.
 */
export function detectEncoding(head: Uint8Array): DetectedEncoding {
  const found = MAGICS.find(([, magic]) => startsWith(head, magic))?.[0];
  return {
    compression: found === "archive" ? undefined : found,
    isCompressed: found !== undefined,
    isTar: startsWith(head.subarray(USTAR_OFFSET), USTAR_MAGIC),
  };
}
