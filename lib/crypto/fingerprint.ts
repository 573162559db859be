import { encodeHex } from "@std/encoding/hex";
import { sha256 } from "./sha256.ts";

const FINGERPRINT_REGEXP = /^(?:sha256:)?([0-9a-f]{64})$/i;

/**
 * Computes the name by which people compare public keys.
 *
 * @param publicKey The raw public key, 32 bytes.
 * @returns SHA-256 of the key as 64 lower-case hex digits.
 *
 * @example 64 digits
 * ```ts
 * import { keyFingerprint } from "@flavor/pspf/crypto";
 * import { assertMatch } from "@std/assert";
 *
 * assertMatch(await keyFingerprint(new Uint8Array(32)), /^[0-9a-f]{64}$/);
 * ```
 */
export async function keyFingerprint(publicKey: Uint8Array): Promise<string> {
  return encodeHex(await sha256(publicKey));
}

/**
 * Reads a fingerprint that somebody typed.
 *
 * @param text 64 hex digits, with or without `sha256:` before them.
 * @returns The fingerprint as {@linkcode keyFingerprint} writes it, or
 * `undefined` when the text is something else, a path for example.
 *
 * @example With a prefix
 * ```ts
 * import { parseFingerprint } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseFingerprint("sha256:" + "AB".repeat(32)), "ab".repeat(32));
 * assertEquals(parseFingerprint("keys/flavor-public.key"), undefined);
 * ```
 */
export function parseFingerprint(text: string): string | undefined {
  return FINGERPRINT_REGEXP.exec(text.trim())?.[1]?.toLowerCase();
}
