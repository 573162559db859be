import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import { decodeBase64Url } from "@std/encoding/base64url";
import { PspfError } from "../errors.ts";
import { PUBLIC_KEY_SIZE, SIGNATURE_SIZE } from "../format/constants.ts";
import { PKCS8_PREFIX } from "./pkcs8.ts";
import { isStrictPoint, isStrictScalar } from "./strict_ed25519.ts";

/** Bytes of a private key as this project holds it: the Ed25519 seed. */
export const PRIVATE_KEY_SIZE = 32;

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

/**
 * Derives the public key of a private key.
 *
 * @param privateKey The seed, 32 bytes.
 * @returns The pair.
 * @throws {PspfError} `crypto/bad-key` when the length differs.
 *
 * @example The public half
 * ```ts
 * import { deriveKeyPair } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * const { publicKey } = await deriveKeyPair(new Uint8Array(32));
 * assertEquals(publicKey.subarray(0, 2), new Uint8Array([0x3b, 0x6a]));
 * ```
 */
export async function deriveKeyPair(privateKey: Uint8Array): Promise<KeyPair> {
  const key = await importPrivateKey(privateKey, true);
  const { x = "" } = await crypto.subtle.exportKey("jwk", key);
  return { privateKey: privateKey.slice(), publicKey: decodeBase64Url(x) };
}

/**
 * Checks that two keys belong together.
 *
 * @param pair The pair, its public key derived from the private one.
 * @param publicKey The raw public key that somebody claims, 32 bytes.
 * @throws {PspfError} `crypto/key-mismatch`
 *
 * @example Two strangers
 * ```ts
 * import { checkKeyPair, generateKeyPair } from "@flavor/pspf/crypto";
 * import { assertThrows } from "@std/assert";
 *
 * const [one, other] = [await generateKeyPair(), await generateKeyPair()];
 * assertThrows(() => checkKeyPair(one, other.publicKey));
 * ```
 */
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
 *
 * @example A signature
 * ```ts
 * import { generateKeyPair, sign } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * const signature = await sign(await generateKeyPair(), new Uint8Array());
 * assertEquals(signature.length, 64);
 * ```
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
 *
 * @example A key of nothing but zeros
 * ```ts
 * import { verify } from "@flavor/pspf/crypto";
 * import { assert } from "@std/assert";
 *
 * const zero = new Uint8Array(64);
 * assert(!await verify(zero.subarray(0, 32), zero, new Uint8Array()));
 * ```
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
    const key = await crypto.subtle.importKey(
      "raw",
      publicKey.slice(),
      "Ed25519",
      false,
      [
        "verify",
      ],
    );
    return await crypto.subtle.verify(
      "Ed25519",
      key,
      signature.slice(),
      message.slice(),
    );
  } catch (error) {
    // Some implementations refuse a key that is no point of the curve.
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
