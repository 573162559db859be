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
  generateKeyPair,
  type KeyPair,
  keyPairFromSeed,
  sign,
  verify,
} from "./ed25519.ts";
export {
  encodePrivateKeyPem,
  encodePublicKeyPem,
  parseKeyPair,
  parsePublicKey,
} from "./key_file.ts";
export { keyFingerprint, sha256 } from "./sha256.ts";
