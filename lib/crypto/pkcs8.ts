/** The object identifier of Ed25519 in its sequence. */
const ALGORITHM = [0x30, 5, 6, 3, 0x2b, 0x65, 0x70] as const;

/** An OCTET STRING in an OCTET STRING: the seed follows. */
const SEED = [4, 0x22, 4, 0x20] as const;

/** DER of PKCS#8 version 1 up to the 32-byte seed. */
export const PKCS8_PREFIX: Uint8Array = Uint8Array.from(
  [0x30, 0x2e, 2, 1, 0, ...ALGORITHM, ...SEED],
);

/** DER of PKCS#8 version 2, which carries the public key behind the seed. */
export const PKCS8_V2_PREFIX: Uint8Array = Uint8Array.from(
  [0x30, 0x51, 2, 1, 1, ...ALGORITHM, ...SEED],
);

/** The same as one widespread library writes it, with an explicit tag. */
export const PKCS8_V2_EXPLICIT_PREFIX: Uint8Array = Uint8Array.from(
  [0x30, 0x53, 2, 1, 1, ...ALGORITHM, ...SEED],
);

/** DER of a SubjectPublicKeyInfo up to the 32 bytes of the key. */
export const SPKI_PREFIX: Uint8Array = Uint8Array.from(
  [0x30, 0x2a, ...ALGORITHM, 3, 0x21, 0],
);
