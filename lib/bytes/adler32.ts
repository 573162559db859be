const MODULUS = 65521;

/** Bytes after which the 32-bit sums could overflow; zlib's NMAX. */
const BLOCK_SIZE = 5552;

/** Computes the Adler-32 checksum of some bytes. */
export function adler32(bytes: Uint8Array, start = 1): number {
  let low = start & 0xffff;
  let high = start >>> 16;
  for (let block = 0; block < bytes.length; block += BLOCK_SIZE) {
    const end = Math.min(block + BLOCK_SIZE, bytes.length);
    for (let index = block; index < end; index++) {
      low += bytes[index] as number;
      high += low;
    }
    low %= MODULUS;
    high %= MODULUS;
  }
  return (high * 0x10000 + low) >>> 0;
}
