/**
 * The attacker's key: everything in a hostile package is signed unless the signature is the attack.
 *
 * @module
 */

import { Buffer } from "node:buffer";
import {
  createHash,
  createPrivateKey,
  createPublicKey,
  sign,
} from "node:crypto";

/** Signs with Ed25519, or pretends to. */
export interface Signer {
  /** The raw key that goes into the index block, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** Makes the 64 signature bytes of a message. */
  readonly sign: (message: Uint8Array) => Uint8Array;
}

/** DER of a PKCS#8 Ed25519 key up to the 32 seed bytes. */
const PKCS8_PREFIX = Buffer.from("302e020100300506032b657004220420", "hex");

/**
 * A real key from a text.
 *
 * @param seed The text; its SHA-256 is the Ed25519 seed.
 * @returns A signer whose signatures verify.
 */
export function signerFromSeed(seed: string): Signer {
  const der = Buffer.concat([PKCS8_PREFIX, sha256(Buffer.from(seed))]);
  const key = createPrivateKey({ key: der, format: "der", type: "pkcs8" });
  const spki = createPublicKey(key).export({ format: "der", type: "spki" });
  return {
    publicKey: spki.subarray(-32),
    sign: (message) => sign(null, message, key),
  };
}

/** SHA-256 of bytes, 32 bytes. */
export function sha256(bytes: Uint8Array): Buffer {
  return createHash("sha256").update(bytes).digest();
}

/** The key that signs every package of the corpus. */
export const ATTACKER: Signer = signerFromSeed("hostile");
