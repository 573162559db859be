/** The prime of the field. */
const P = 2n ** 255n - 19n;

/** The order of the base point. */
const L = 2n ** 252n + 27742317777372353535851937790883648493n;

/** The y coordinates of the eight points of small order. */
const SMALL_ORDER_Y: ReadonlySet<bigint> = new Set([
  0n,
  1n,
  P - 1n,
  0x05fc536d880238b13933c6d305acdfd5f098eff289f4c345b027b2c28f95e826n,
  0x7a03ac9277fdc74ec6cc392cfa53202a0f67100d760b3cba4fd84d3d706a17c7n,
]);

/**
 * Whether an encoded point is canonical and not of small order.
 *
 * @param point 32 bytes.
 * @returns `false` for points that strict verification refuses.
 */
export function isStrictPoint(point: Uint8Array): boolean {
  // The highest bit is the sign of x.
  const y = fromLittleEndian(point) & (2n ** 255n - 1n);
  return y < P && !SMALL_ORDER_Y.has(y);
}

/**
 * Whether the scalar of a signature is reduced, so that nobody can make a
 * second signature out of a first one.
 *
 * @param scalar 32 bytes.
 * @returns `false` for scalars from the group order upwards.
 */
export function isStrictScalar(scalar: Uint8Array): boolean {
  return fromLittleEndian(scalar) < L;
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
