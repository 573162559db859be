import { parseFingerprint } from "./fingerprint.ts";
import { parsePublicKey } from "./key_file.ts";

/**
 * Reads a trusted key as people give it: PEM text, or a fingerprint.
 *
 * @param text What was given.
 * @returns The raw public key of PEM text, or a fingerprint of 64 hex digits;
 * `undefined` when the text is neither, a path for example.
 * @throws {PspfError} `crypto/bad-key` for PEM text that holds no public key.
 *
 * @example Neither of both
 * ```ts
 * import { parseTrustedKey } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseTrustedKey("SHA256:" + "AB".repeat(32)), "ab".repeat(32));
 * assertEquals(parseTrustedKey("keys/flavor-public.key"), undefined);
 * ```
 */
export function parseTrustedKey(text: string): Uint8Array | string | undefined {
  if (text.trimStart().startsWith("-----BEGIN ")) {
    return parsePublicKey(new TextEncoder().encode(text));
  }
  return parseFingerprint(text);
}
