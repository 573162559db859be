/** Bytes of a tar block: headers are one, content is padded to it. */
export const TAR_BLOCK_SIZE = 512;

/** `ustar`: tells an archive from other bytes, whoever wrote it. */
export const USTAR_MAGIC: Uint8Array = new TextEncoder().encode("ustar");

/** Where the magic stands in a header. */
export const USTAR_OFFSET = 257;

/** The largest size that eleven octal digits can say: one byte below 8 GiB. */
export const MAX_MEMBER_SIZE: number = 8 ** 11 - 1;

/**
 * One entry of an archive to be written: its path inside the archive, and
 * permission bits, at most 0o777. Only foreign launchers look at those of links.
 */
export type TarMember =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | {
    readonly kind: "file";
    readonly path: string;
    readonly mode: number;
    /** Length in bytes, below 8 GiB. */
    readonly size: number;
    /** Path in the tree. */
    readonly source: string;
  }
  | {
    readonly kind: "symlink";
    readonly path: string;
    readonly mode: number;
    /** Where the link points. */
    readonly target: string;
  };

/** The fields of a header block that are not constant. */
export interface TarHeader {
  /** At most 100 bytes. */
  readonly name: Uint8Array;
  /** At most 155 bytes. */
  readonly prefix?: Uint8Array | undefined;
  /** At most 100 bytes. */
  readonly linkName?: Uint8Array | undefined;
  readonly mode: number;
  readonly size: number;
  /** Seconds since 1970, below 2^33. */
  readonly mtime: number;
  /** File, symbolic link, directory or PAX header. */
  readonly type: "0" | "2" | "5" | "x";
}

const ZERO = 0x30;
const SPACE = 0x20;
/** What follows the magic: a zero byte and version `00`. */
const VERSION = [0, ZERO, ZERO] as const;

/** Writes one ustar header into zeroed memory. Owner and group are 0 and have no names. */
export function writeTarHeader(block: Uint8Array, header: TarHeader): void {
  block.set(header.name);
  writeOctal(block, 100, 7, header.mode);
  writeOctal(block, 108, 7, 0);
  writeOctal(block, 116, 7, 0);
  writeOctal(block, 124, 11, header.size);
  writeOctal(block, 136, 11, header.mtime);
  block[156] = header.type.charCodeAt(0);
  block.set(header.linkName ?? [], 157);
  block.set(USTAR_MAGIC, USTAR_OFFSET);
  block.set(VERSION, USTAR_OFFSET + USTAR_MAGIC.length);
  block.set(header.prefix ?? [], 345);
  // The checksum counts its own field as eight spaces.
  let sum = 8 * SPACE;
  for (let at = 0; at < TAR_BLOCK_SIZE; at++) sum += block[at] ?? 0;
  writeOctal(block, 148, 6, sum);
  block[155] = SPACE;
}

function writeOctal(
  block: Uint8Array,
  at: number,
  digits: number,
  value: number,
): void {
  let rest = value;
  for (let i = at + digits - 1; i >= at; i--) {
    block[i] = ZERO + rest % 8;
    rest = Math.floor(rest / 8);
  }
}
