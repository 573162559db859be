import { PspfError } from "../errors.ts";
import { PERMISSION_BITS } from "../io/extract_target.ts";
import { decodeText, parsePaxRecords } from "./pax.ts";
import { checkEntryPath } from "./path_policy.ts";
import {
  paddingOf,
  TAR_BLOCK_SIZE,
  USTAR_MAGIC,
  USTAR_OFFSET,
} from "./tar_header.ts";

/** Where a member stands in an archive that can be read at any position. */
export interface MemberPlace {
  readonly kind: "file" | "directory" | "symlink" | "hardlink" | "other";
  /** Checked; empty for the root of the archive. */
  readonly path: string;
  /** Permission bits. */
  readonly mode: number;
  /** Where a link leads. */
  readonly target: string;
  /** Bytes of content. */
  readonly size: number;
  /** Where its content begins. */
  readonly content: number;
  /** Where the next member begins. */
  readonly end: number;
}

/** Reads bytes of an archive at a position. */
export type ReadAt = (offset: number, length: number) => Promise<Uint8Array>;

/** Headers before a member's own: a long path and a long link at most. */
const MAX_EXTENSIONS = 4;
const MAX_EXTENSION_SIZE = 64 * 1024;

const KINDS: Readonly<Record<string, MemberPlace["kind"]>> = {
  "0": "file",
  "\0": "file",
  "1": "hardlink",
  "2": "symlink",
  "5": "directory",
};

/**
 * Reads the head of the member at a position, and nothing of its content;
 * `undefined` at the end of the archive. What is extracted goes through
 * `readTar`; this is for finding it.
 */
export async function placeMember(
  read: ReadAt,
  start: number,
): Promise<MemberPlace | undefined> {
  let at = start;
  let path: string | undefined;
  let target: string | undefined;
  for (let extensions = 0;; extensions++) {
    const header = await read(at, TAR_BLOCK_SIZE);
    if (header.every((byte) => byte === 0)) return undefined;
    checkHeader(header, at);
    const type = String.fromCharCode(header[156] ?? 0);
    const size = octal(header, 124, 12, at);
    const content = at + TAR_BLOCK_SIZE;
    if (!/^[xgLK]$/.test(type)) {
      const kind = KINDS[type] ?? "other";
      // Only files have content, whatever else is said.
      const length = kind === "file" ? size : 0;
      return {
        kind,
        path: checkEntryPath(path ?? storedPath(header)),
        mode: octal(header, 100, 8, at) & PERMISSION_BITS,
        target: target ?? text(header, 157, 100),
        size: length,
        content,
        end: content + length + paddingOf(length),
      };
    }
    if (extensions === MAX_EXTENSIONS || size > MAX_EXTENSION_SIZE) {
      throw badHeader(at);
    }
    const bytes = await read(content, size);
    if (type === "x") {
      const records = parsePaxRecords(bytes);
      // The header says it, too, in all that can be extracted.
      if (records.has("size")) throw badHeader(at);
      path = records.get("path") ?? path;
      target = records.get("linkpath") ?? target;
    } else if (type !== "g") {
      const name = text(bytes, 0, bytes.length);
      if (type === "L") path = name;
      else target = name;
    }
    at = content + size + paddingOf(size);
  }
}

function storedPath(header: Uint8Array): string {
  const prefix = text(header, 345, 155);
  const name = text(header, 0, 100);
  return prefix === "" ? name : `${prefix}/${name}`;
}

function text(bytes: Uint8Array, at: number, length: number): string {
  const field = bytes.subarray(at, at + length);
  const end = field.indexOf(0);
  return decodeText(end < 0 ? field : field.subarray(0, end));
}

function octal(
  header: Uint8Array,
  at: number,
  length: number,
  offset: number,
): number {
  const digits = text(header, at, length).trim();
  if (!/^[0-7]+$/.test(digits)) throw badHeader(offset);
  return parseInt(digits, 8);
}

function checkHeader(header: Uint8Array, offset: number): void {
  const isTar = USTAR_MAGIC.every((byte, i) =>
    header[USTAR_OFFSET + i] === byte
  );
  // The checksum counts its own field as eight spaces.
  const sum = header.reduce(
    (total, byte, i) => total + (i >= 148 && i < 156 ? 0x20 : byte),
    0,
  );
  if (!isTar || octal(header, 148, 8, offset) !== sum) throw badHeader(offset);
}

function badHeader(offset: number): PspfError {
  return new PspfError(
    "archive/bad-entry",
    "Cannot read the archive: a header is damaged",
    { context: { offset } },
  );
}
