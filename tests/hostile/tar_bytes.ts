/**
 * Writes tar members with any field at any value.
 *
 * @module
 */

import { Buffer } from "node:buffer";

/** The fields of a member; what is left out describes an empty regular file. */
export interface TarMember {
  readonly name: string | Uint8Array;
  /** Type flag, one character. Default: `"0"`. */
  readonly type?: string;
  readonly body?: Uint8Array;
  /** Raw size field, 12 bytes; the octal length of the body when absent. */
  readonly size?: Uint8Array;
  /** Permission bits. Default: 0644. */
  readonly mode?: number;
  readonly link?: string | Uint8Array;
  /** Changes the header before its checksum is written. */
  readonly header?: (header: Buffer) => void;
  /** Changes the header after its checksum was written. */
  readonly afterChecksum?: (header: Buffer) => void;
}

/** The two zero blocks that end an archive. */
export const TAR_END: Uint8Array = Buffer.alloc(1024);

/** The members, one after the other, and the end of the archive. */
export function tarArchive(...members: readonly TarMember[]): Buffer {
  return Buffer.concat([...members.map(tarMember), TAR_END]);
}

/** One header with its body, filled up to whole blocks. */
export function tarMember(member: TarMember): Buffer {
  const body = member.body ?? Buffer.alloc(0);
  const padding = Buffer.alloc((512 - (body.length % 512)) % 512);
  return Buffer.concat([tarHeader(member, body.length), body, padding]);
}

/** A size in GNU's base-256 form. */
export function base256(value: bigint): Buffer {
  const field = Buffer.alloc(12);
  let rest = BigInt.asUintN(96, value);
  for (let at = 11; at >= 0; at--, rest >>= 8n) {
    field[at] = Number(rest & 0xffn);
  }
  field[0] = (field[0] ?? 0) | 0x80;
  return field;
}

/** A PAX extended header that applies to the next member. */
export function paxHeader(
  records: Readonly<Record<string, string>>,
): TarMember {
  const body = Object.entries(records).map(([key, value]) =>
    paxRecord(key, value)
  );
  return { name: "PaxHeaders/x", type: "x", body: Buffer.concat(body) };
}

/** A GNU long name (`"L"`) or long link target (`"K"`) for the next member. */
export function gnuLong(type: "L" | "K", text: string): TarMember {
  return { name: "././@LongLink", type, body: Buffer.from(`${text}\0`) };
}

function paxRecord(key: string, value: string): Buffer {
  const rest = Buffer.byteLength(` ${key}=${value}\n`);
  let length = rest + 1;
  while (String(length).length + rest !== length) length++;
  return Buffer.from(`${length} ${key}=${value}\n`);
}

function tarHeader(member: TarMember, length: number): Buffer {
  const header = Buffer.alloc(512);
  header.set(Buffer.from(member.name).subarray(0, 100), 0);
  header.write(octal(member.mode ?? 0o644, 7), 100);
  header.write(octal(0, 7), 108);
  header.write(octal(0, 7), 116);
  header.set(member.size ?? Buffer.from(octal(length, 11)), 124);
  header.write(octal(0, 11), 136);
  header.write(member.type ?? "0", 156, "latin1");
  header.set(Buffer.from(member.link ?? "").subarray(0, 100), 157);
  header.write("ustar\x0000", 257, "latin1");
  member.header?.(header);
  header.fill(" ", 148, 156);
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  member.afterChecksum?.(header);
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
