import { deriveKeyPair, type KeyPair } from "./ed25519.ts";
import { sha256 } from "./sha256.ts";

/**
 * Makes a key pair out of a text, the way all builders do: the private key is
 * the SHA-256 of the text. It is as secret as the text is hard to guess.
 *
 * @param seed Any text.
 * @returns The same pair for the same text.
 *
 * @example A pair for tests
 * ```ts
 * import { keyFingerprint, keyPairFromSeed } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * const one = await keyPairFromSeed("test123");
 * const other = await keyPairFromSeed("test123");
 * assertEquals(await keyFingerprint(one.publicKey), await keyFingerprint(other.publicKey));
 * ```
 */
export async function keyPairFromSeed(seed: string): Promise<KeyPair> {
  return await deriveKeyPair(await sha256(new TextEncoder().encode(seed)));
}
