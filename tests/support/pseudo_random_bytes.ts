/**
 * Bytes that look random and are the same in every run.
 *
 * @param length How many.
 * @param bits How many bits of each byte vary: fewer compress better.
 */
export function pseudoRandomBytes(
  length: number,
  bits = 8,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  let state = 12_345;
  for (let i = 0; i < length; i++) {
    state = (Math.imul(state, 1_103_515_245) + 12_345) >>> 0;
    bytes[i] = state >>> (32 - bits);
  }
  return bytes;
}
