/**
 * Digests, Ed25519 signatures and key files, alike in Deno and in a browser.
 *
 * @example Sign with a key from a text
 * ```ts
 * import { keyPairFromSeed, sign, verify } from "@flavor/pspf/crypto";
 * import { assert } from "@std/assert";
 *
 * const pair = await keyPairFromSeed("test123");
 * const message = new TextEncoder().encode("{}");
 * assert(await verify(pair.publicKey, await sign(pair, message), message));
 * ```
 *
 * @module
 */

export {
  checkKeyPair,
  deriveKeyPair,
  generateKeyPair,
  type KeyPair,
  PRIVATE_KEY_SIZE,
  sign,
  verify,
} from "./ed25519.ts";
export { keyFingerprint, parseFingerprint } from "./fingerprint.ts";
export {
  encodePrivateKeyPem,
  encodePublicKeyPem,
  MAX_KEY_FILE_SIZE,
  parseKeyPair,
  parsePublicKey,
} from "./key_file.ts";
export { keyPairFromSeed } from "./key_seed.ts";
export { createSha256, type Sha256, sha256 } from "./sha256.ts";
export { shortHash, shortHashOf } from "./short_hash.ts";
export { parseTrustedKey } from "./trusted_key.ts";
