import { encodePaxRecords } from "./pax.ts";

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

const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
const ASCII_REGEXP = /^\p{ASCII}*$/u;
const ENCODER = new TextEncoder();
const TYPES = { file: "0", symlink: "2", directory: "5" } as const;
const ZERO = 0x30;
const SPACE = 0x20;
/** What follows the magic: a zero byte and version `00`. */
const VERSION = [0, ZERO, ZERO] as const;

/** Zeros that fill the last block of so many bytes. */
export function paddingOf(size: number): number {
  return (TAR_BLOCK_SIZE - size % TAR_BLOCK_SIZE) % TAR_BLOCK_SIZE;
}

/**
 * The header of a member, with a PAX header before it where ustar cannot hold
 * its name or its target.
 */
export function encodeHead(member: TarMember, mtime: number): Uint8Array {
  const { kind, mode } = member;
  const size = kind === "file" ? member.size : 0;
  if (size > MAX_MEMBER_SIZE) {
    throw new RangeError(`A member cannot have ${size} bytes`);
  }
  const path = nameOf(member);
  const pax = encodePax(path, paxRecordsOf(member), mtime);
  const head = new Uint8Array(pax.length + TAR_BLOCK_SIZE);
  head.set(pax);
  writeHeader(head.subarray(pax.length), {
    ...splitPath(path) ?? { name: shorten(path) },
    type: TYPES[kind],
    mode,
    size,
    mtime,
    linkName: shorten(kind === "symlink" ? member.target : ""),
  });
  return head;
}

/** The length of what {@linkcode encodeHead} gives. */
export function headSizeOf(member: TarMember): number {
  return encodePax("", paxRecordsOf(member), 0).length + TAR_BLOCK_SIZE;
}

function nameOf({ kind, path }: TarMember): string {
  return kind === "directory" ? `${path}/` : path;
}

function paxRecordsOf(member: TarMember): readonly [string, string][] {
  const path = nameOf(member);
  const records: [string, string][] = [];
  if (member.kind === "symlink" && !fits(member.target)) {
    records.push(["linkpath", member.target]);
  }
  if (splitPath(path) === undefined) records.push(["path", path]);
  return records;
}

function encodePax(
  path: string,
  records: readonly (readonly [string, string])[],
  mtime: number,
): Uint8Array {
  if (records.length === 0) return new Uint8Array();
  const content = encodePaxRecords(records);
  const size = content.length;
  const bytes = new Uint8Array(TAR_BLOCK_SIZE + size + paddingOf(size));
  const base = path.replace(/\/$/, "").split("/").at(-1) ?? "";
  const name = shorten(`PaxHeaders/${base}`);
  const block = bytes.subarray(0, TAR_BLOCK_SIZE);
  writeHeader(block, { name, type: "x", mode: 0o644, size, mtime });
  bytes.set(content, TAR_BLOCK_SIZE);
  return bytes;
}

/** Finds the slash that lets a path fit into prefix and name, if any. */
function splitPath(path: string): Pick<Header, "name" | "prefix"> | undefined {
  if (fits(path)) return { name: ENCODER.encode(path) };
  const slash = path.indexOf("/", path.length - NAME_SIZE - 1);
  const prefix = path.slice(0, slash);
  const name = path.slice(slash + 1);
  // A trailing slash belongs to the name: it would be empty otherwise.
  const isSplit = slash > 0 && slash <= PREFIX_SIZE && name !== "" &&
    ASCII_REGEXP.test(path);
  return isSplit
    ? { prefix: ENCODER.encode(prefix), name: ENCODER.encode(name) }
    : undefined;
}

function fits(text: string): boolean {
  return text.length <= NAME_SIZE && ASCII_REGEXP.test(text);
}

/** What a reader without PAX would show: cut, and ASCII only. */
function shorten(text: string): Uint8Array {
  return ENCODER.encode(text.replace(/\P{ASCII}/gu, "_").slice(0, NAME_SIZE));
}

/** The fields of a header block that are not constant. */
interface Header {
  readonly name: Uint8Array;
  readonly prefix?: Uint8Array | undefined;
  readonly linkName?: Uint8Array | undefined;
  readonly mode: number;
  readonly size: number;
  /** Seconds since 1970, below 2^33. */
  readonly mtime: number;
  /** File, symbolic link, directory or PAX header. */
  readonly type: "0" | "2" | "5" | "x";
}

/** Writes one ustar header into zeroed memory. Owner and group are 0 and have no names. */
function writeHeader(block: Uint8Array, header: Header): void {
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
