import { concat } from "@std/bytes/concat";
import { PspfError } from "../errors.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;
const MAX_LENGTH_DIGITS = 10;
const ENCODER = new TextEncoder();

/**
 * Reads the records of a PAX header: `LENGTH KEY=VALUE` and a newline each,
 * where the length counts itself.
 */
export function parsePaxRecords(
  bytes: Uint8Array,
): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const length = parseLength(bytes.subarray(at, Math.max(space, at)));
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space);
    const isWhole = end <= bytes.length && bytes[end - 1] === NEWLINE;
    if (!isWhole || equals < 0 || equals >= end) {
      throw badRecord("a record is not well formed");
    }
    const key = decodeText(bytes.subarray(space + 1, equals));
    records.set(key, decodeText(bytes.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

/** Decodes a name that an archive carries in UTF-8. */
export function decodeText(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(
      bytes,
    );
  } catch (cause) {
    throw badRecord("a name is not valid UTF-8", cause);
  }
}

function parseLength(digits: Uint8Array): number {
  const text = String.fromCharCode(...digits.subarray(0, MAX_LENGTH_DIGITS));
  const isNumber = /^[1-9][0-9]*$/.test(text) && text.length === digits.length;
  if (!isNumber) throw badRecord("a record has no length");
  return Number(text);
}

function badRecord(problem: string, cause?: unknown): PspfError {
  const message = `Cannot read an extended header: ${problem}`;
  return new PspfError("archive/bad-entry", message, { cause });
}

/** Encodes records in the given order. Values may hold newlines. */
export function encodePaxRecords(
  records: Iterable<readonly [key: string, value: string]>,
): Uint8Array {
  const parts: Uint8Array[] = [];
  for (const [key, value] of records) {
    const body = ENCODER.encode(` ${key}=${value}\n`);
    let digits = String(body.length).length;
    // One digit more can make the length itself one digit longer.
    if (String(body.length + digits).length > digits) digits++;
    parts.push(ENCODER.encode(String(digits + body.length)), body);
  }
  return concat(parts);
}
