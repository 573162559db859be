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
  const lines: Uint8Array[] = [];
  for (const [key, value] of records) {
    const body = ENCODER.encode(` ${key}=${value}\n`);
    let digits = String(body.length).length;
    // One digit more can make the length itself one digit longer.
    if (String(body.length + digits).length > digits) digits++;
    const line = new Uint8Array(digits + body.length);
    line.set(ENCODER.encode(String(digits + body.length)));
    line.set(body, digits);
    lines.push(line);
  }
  const size = lines.reduce((sum, line) => sum + line.length, 0);
  const bytes = new Uint8Array(size);
  let at = 0;
  for (const line of lines) {
    bytes.set(line, at);
    at += line.length;
  }
  return bytes;
}
