import { equals } from "@std/bytes/equals";
import { sha256 } from "../crypto/sha256.ts";

/**
 * Ends each entry of a slot cache: the stored bytes come first, because their
 * length is known only when they are there.
 */
export interface SlotCacheFooter {
  /** SHA-256 that the entry is called by. */
  readonly key: Uint8Array;
  /** SHA-256 of the stored bytes. */
  readonly digest: Uint8Array;
  /** Stored length in bytes. */
  readonly size: number;
  /** Length before compression in bytes. */
  readonly originalSize: number;
}

/** Length of a footer in bytes. */
export const SLOT_CACHE_FOOTER_SIZE = 120;

const MAGIC = new TextEncoder().encode("FLVSLOT1");
/** The last field is the SHA-256 of all before it. */
const AT = { key: 8, digest: 40, size: 72, originalSize: 80, own: 88 } as const;
const DIGEST_SIZE = 32;

/**
 * Encodes a footer.
 *
 * @param footer What the entry holds.
 * @returns {@linkcode SLOT_CACHE_FOOTER_SIZE} bytes.
 */
export async function encodeSlotCacheFooter(
  footer: SlotCacheFooter,
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(SLOT_CACHE_FOOTER_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(MAGIC);
  bytes.set(footer.key, AT.key);
  bytes.set(footer.digest, AT.digest);
  view.setBigUint64(AT.size, BigInt(footer.size), true);
  view.setBigUint64(AT.originalSize, BigInt(footer.originalSize), true);
  bytes.set(await sha256(bytes.subarray(0, AT.own)), AT.own);
  return bytes;
}

/**
 * Reads a footer.
 *
 * @param bytes The last {@linkcode SLOT_CACHE_FOOTER_SIZE} bytes of an entry.
 * @param key What the entry is called.
 * @param entrySize Length of the whole entry in bytes.
 * @returns The footer, or `undefined` where it does not fit the entry.
 */
export async function parseSlotCacheFooter(
  bytes: Uint8Array,
  key: Uint8Array,
  entrySize: number,
): Promise<SlotCacheFooter | undefined> {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const size = Number(view.getBigUint64(AT.size, true));
  const originalSize = Number(view.getBigUint64(AT.originalSize, true));
  const own = await sha256(bytes.subarray(0, AT.own));
  const fits = equals(bytes.subarray(AT.own), own) &&
    equals(bytes.subarray(0, MAGIC.length), MAGIC) &&
    equals(bytes.subarray(AT.key, AT.key + DIGEST_SIZE), key) &&
    size === entrySize - SLOT_CACHE_FOOTER_SIZE;
  if (!fits) return undefined;
  const digest = bytes.slice(AT.digest, AT.digest + DIGEST_SIZE);
  return { key, digest, size, originalSize };
}
