/** Bytes of a tar block: headers are one, content is padded to it. */
export const TAR_BLOCK_SIZE = 512;

/** `ustar`: tells an archive from other bytes, whoever wrote it. */
export const USTAR_MAGIC: Uint8Array = new TextEncoder().encode("ustar");

/** Where the magic stands in a header. */
export const USTAR_OFFSET = 257;

/** Type flags that our archives hold. */
export const TarType = {
  FILE: "0",
  SYMLINK: "2",
  DIRECTORY: "5",
  PAX: "x",
} as const;

/** A type flag of our archives. */
export type TarTypeFlag = typeof TarType[keyof typeof TarType];

/** The fields of a header block that are not constant. */
export interface TarHeader {
  /** Name field, at most 100 bytes. */
  readonly name: Uint8Array;
  /** Prefix field, at most 155 bytes. */
  readonly prefix?: Uint8Array | undefined;
  /** Link name field, at most 100 bytes. */
  readonly linkName?: Uint8Array | undefined;
  /** Permission bits. */
  readonly mode: number;
  /** Content length in bytes, below 8 GiB. */
  readonly size: number;
  /** Seconds since 1970, below 2^33. */
  readonly mtime: number;
  /** What the entry is. */
  readonly type: TarTypeFlag;
}

const ZERO = 0x30;
const SPACE = 0x20;
/** What follows the magic: a zero byte and version `00`. */
const VERSION = [0, ZERO, ZERO] as const;

/**
 * Writes one ustar header. Owner and group are 0 and have no names.
 *
 * @param into Zeroed memory.
 * @param at Where the block starts in it.
 * @param header The fields.
 */
export function writeTarHeader(
  into: Uint8Array,
  at: number,
  header: TarHeader,
): void {
  into.set(header.name, at);
  writeOctal(into, at + 100, 7, header.mode);
  writeOctal(into, at + 108, 7, 0);
  writeOctal(into, at + 116, 7, 0);
  writeOctal(into, at + 124, 11, header.size);
  writeOctal(into, at + 136, 11, header.mtime);
  into[at + 156] = header.type.charCodeAt(0);
  if (header.linkName !== undefined) into.set(header.linkName, at + 157);
  into.set(USTAR_MAGIC, at + USTAR_OFFSET);
  into.set(VERSION, at + USTAR_OFFSET + USTAR_MAGIC.length);
  if (header.prefix !== undefined) into.set(header.prefix, at + 345);
  // The checksum counts its own field as eight spaces.
  let sum = 8 * SPACE;
  for (let i = at; i < at + TAR_BLOCK_SIZE; i++) sum += into[i] ?? 0;
  writeOctal(into, at + 148, 6, sum);
  into[at + 155] = SPACE;
}

function writeOctal(
  into: Uint8Array,
  at: number,
  digits: number,
  value: number,
): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    into[i] = ZERO + rest % 8;
    rest = Math.floor(rest / 8);
  }
}
