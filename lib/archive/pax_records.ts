import { concat } from "@std/bytes/concat";

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
