import { concat } from "@std/bytes/concat";
import { PspfError } from "../errors.ts";

const NEWLINE = 0x0a;
const SPACE = 0x20;
const EQUALS = 0x3d;
const MAX_LENGTH_DIGITS = 10;

/**
 * Reads the records of a PAX header: `LENGTH KEY=VALUE` and a newline each,
 * where the length counts itself.
 *
 * @param bytes Content of the header entry.
 * @returns Values by key; the last one of a repeated key wins, as PAX says.
 * @throws {PspfError} `archive/bad-entry`
 *
 * @example A long path
 * ```ts
 * import { parsePaxRecords } from "@flavor/pspf/archive";
 * import { assertEquals } from "@std/assert";
 *
 * const bytes = new TextEncoder().encode("13 path=a/é\n");
 * assertEquals(parsePaxRecords(bytes).get("path"), "a/é");
 * ```
 */
export function parsePaxRecords(
  bytes: Uint8Array,
): ReadonlyMap<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length;) {
    const space = bytes.indexOf(SPACE, at);
    const length = parseLength(bytes.subarray(at, space < 0 ? at : space));
    const end = at + length;
    const equals = bytes.indexOf(EQUALS, space);
    const isWhole = space >= 0 && end <= bytes.length &&
      bytes[end - 1] === NEWLINE;
    if (!isWhole || equals < 0 || equals >= end) {
      throw badRecord("a record is not well formed");
    }
    const key = decodeText(bytes.subarray(space + 1, equals));
    records.set(key, decodeText(bytes.subarray(equals + 1, end - 1)));
    at = end;
  }
  return records;
}

/**
 * Decodes a name that an archive carries in UTF-8.
 *
 * @param bytes The name.
 * @returns The text.
 * @throws {PspfError} `archive/bad-entry` when it is something else.
 */
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
  const text = digits.length > MAX_LENGTH_DIGITS
    ? ""
    : String.fromCharCode(...digits);
  if (!/^[1-9][0-9]*$/.test(text)) throw badRecord("a record has no length");
  return Number(text);
}

function badRecord(problem: string, cause?: unknown): PspfError {
  return new PspfError(
    "archive/bad-entry",
    `Cannot read an extended header: ${problem}`,
    cause === undefined ? {} : { cause },
  );
}

const ENCODER = new TextEncoder();

/**
 * Encodes the records of a PAX header: `LENGTH KEY=VALUE` and a newline each,
 * where the length counts itself. Values may hold newlines.
 *
 * @param records Keys and values, written in the given order.
 * @returns The content of the header entry.
 */
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
