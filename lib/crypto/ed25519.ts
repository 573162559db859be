import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import { decodeBase64Url } from "@std/encoding/base64url";
import { PspfError } from "../errors.ts";
import { PUBLIC_KEY_SIZE, SIGNATURE_SIZE } from "../format/constants.ts";
import { sha256 } from "./sha256.ts";

/** Bytes of a private key as this project holds it: the Ed25519 seed. */
export const PRIVATE_KEY_SIZE = 32;

/** DER of PKCS#8 version 1 for Ed25519, up to the seed. */
export const PKCS8_PREFIX: Uint8Array = Uint8Array.from([
  ...[0x30, 0x2e, 2, 1, 0],
  // The object identifier of Ed25519 in its sequence.
  ...[0x30, 5, 6, 3, 0x2b, 0x65, 0x70],
  // An OCTET STRING in an OCTET STRING.
  ...[4, 0x22, 4, 0x20],
]);

/** An Ed25519 key pair. Whoever holds it can sign. */
export interface KeyPair {
  /** The seed, 32 bytes. Secret. */
  readonly privateKey: Uint8Array;
  /** The raw public key, 32 bytes. */
  readonly publicKey: Uint8Array;
}

/**
 * Makes a new key pair from the system's random numbers.
 *
 * @returns The pair.
 *
 * @example Sign and verify
 * ```ts
 * import { generateKeyPair, sign, verify } from "@flavor/pspf/crypto";
 * import { assert } from "@std/assert";
 *
 * const pair = await generateKeyPair();
 * const message = new TextEncoder().encode("{}");
 * assert(await verify(pair.publicKey, await sign(pair, message), message));
 * ```
 */
export async function generateKeyPair(): Promise<KeyPair> {
  return await deriveKeyPair(
    crypto.getRandomValues(new Uint8Array(PRIVATE_KEY_SIZE)),
  );
}

/** Derives the public key of a private key. */
export async function deriveKeyPair(privateKey: Uint8Array): Promise<KeyPair> {
  const key = await importPrivateKey(privateKey, true);
  const { x = "" } = await crypto.subtle.exportKey("jwk", key);
  return { privateKey: privateKey.slice(), publicKey: decodeBase64Url(x) };
}

/**
 * Makes a key pair out of a text, the way all builders do: the private key is
 * the SHA-256 of the text. It is as secret as the text is hard to guess.
 *
 * @param seed Any text.
 * @returns The same pair for the same text.
 */
export async function keyPairFromSeed(seed: string): Promise<KeyPair> {
  return await deriveKeyPair(await sha256(new TextEncoder().encode(seed)));
}

/** Checks that two keys belong together. */
export function checkKeyPair(pair: KeyPair, publicKey: Uint8Array): void {
  if (equals(pair.publicKey, publicKey)) return;
  throw new PspfError(
    "crypto/key-mismatch",
    "Cannot sign: the public key does not belong to the private key",
    { hint: "Leave the public key out; it is derived from the private key" },
  );
}

/**
 * Signs a message.
 *
 * @param pair The key pair.
 * @param message The bytes to sign.
 * @returns 64 bytes, always the same for the same message and key.
 * @throws {PspfError} `crypto/bad-key` when the private key has a wrong length.
 */
export async function sign(
  pair: KeyPair,
  message: Uint8Array,
): Promise<Uint8Array<ArrayBuffer>> {
  const key = await importPrivateKey(pair.privateKey, false);
  return new Uint8Array(
    await crypto.subtle.sign("Ed25519", key, message.slice()),
  );
}

/**
 * Verifies a signature strictly: keys and signatures that different programs
 * could judge differently (small order, encodings that are not canonical,
 * nothing but zeros) never verify.
 *
 * @param publicKey The raw public key, 32 bytes.
 * @param signature 64 bytes.
 * @param message The bytes that were signed.
 * @returns Whether it verifies; wrong lengths do not.
 */
export async function verify(
  publicKey: Uint8Array,
  signature: Uint8Array,
  message: Uint8Array,
): Promise<boolean> {
  if (
    publicKey.length !== PUBLIC_KEY_SIZE || signature.length !== SIGNATURE_SIZE
  ) return false;
  const point = signature.subarray(0, 32);
  const scalar = signature.subarray(32);
  if (
    !isStrictPoint(publicKey) || !isStrictPoint(point) ||
    !isStrictScalar(scalar)
  ) return false;
  try {
    const { subtle } = crypto;
    const raw = publicKey.slice();
    const usages: KeyUsage[] = ["verify"];
    const key = await subtle.importKey("raw", raw, "Ed25519", false, usages);
    const copies = [signature.slice(), message.slice()] as const;
    return await subtle.verify("Ed25519", key, ...copies);
  } catch (error) {
    // Some implementations refuse a key that is not a point of the curve.
    if (error instanceof DOMException && error.name === "DataError") {
      return false;
    }
    throw error;
  }
}

async function importPrivateKey(
  seed: Uint8Array,
  extractable: boolean,
): Promise<CryptoKey> {
  if (seed.length !== PRIVATE_KEY_SIZE) {
    throw new PspfError(
      "crypto/bad-key",
      `Cannot use the private key: ${seed.length} bytes, expected ${PRIVATE_KEY_SIZE}`,
      { context: { actual: seed.length, expected: PRIVATE_KEY_SIZE } },
    );
  }
  const pkcs8 = concat([PKCS8_PREFIX, seed]);
  return await crypto.subtle.importKey("pkcs8", pkcs8, "Ed25519", extractable, [
    "sign",
  ]);
}

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

/** Whether an encoded point is canonical and not of small order. */
export function isStrictPoint(point: Uint8Array): boolean {
  // The highest bit is the sign of x.
  const y = fromLittleEndian(point) & (2n ** 255n - 1n);
  return y < P && !SMALL_ORDER_Y.has(y);
}

/**
 * Whether the scalar of a signature is reduced, so that nobody can make a
 * second signature out of a first one.
 */
export function isStrictScalar(scalar: Uint8Array): boolean {
  return fromLittleEndian(scalar) < L;
}

function fromLittleEndian(bytes: Uint8Array): bigint {
  return bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
}
