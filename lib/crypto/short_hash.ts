import { sha256 } from "./sha256.ts";

/**
 * Takes the short form of a digest that slot descriptors hold.
 *
 * @param digest A SHA-256 digest, 32 bytes.
 * @returns Its first 8 bytes as a little-endian u64.
 *
 * @example From a digest
 * ```ts
 * import { sha256, shortHashOf } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(shortHashOf(await sha256(new Uint8Array())), 0x141cfc9842c4b0e3n);
 * ```
 */
export function shortHashOf(digest: Uint8Array): bigint {
  const view = new DataView(
    digest.buffer,
    digest.byteOffset,
    digest.byteLength,
  );
  return view.getBigUint64(0, true);
}

/**
 * Computes the name hash of a slot descriptor.
 *
 * @param name The slot's id.
 * @returns First 8 bytes of the SHA-256 of the name in UTF-8, as a u64.
 *
 * @example The name of a slot
 * ```ts
 * import { shortHash } from "@flavor/pspf/crypto";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(await shortHash("hello"), 0x0ea3b05fba4df22cn);
 * ```
 */
export async function shortHash(name: string): Promise<bigint> {
  return shortHashOf(await sha256(new TextEncoder().encode(name)));
}
