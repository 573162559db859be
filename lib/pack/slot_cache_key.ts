import { concat } from "@std/bytes/concat";
import { codecVersion } from "../compress/codec_version.ts";
import { createSha256, sha256 } from "../crypto/sha256.ts";
import type { OperationCode } from "../format/operation.ts";
import type { PlainSlot } from "./encode_slot.ts";
import { TOOL_VERSION } from "./tool_version.ts";

/** What decides the stored bytes of a slot, besides its content. */
export interface SlotCacheSettings {
  /** Operations that are done to the content. */
  readonly codes: readonly OperationCode[];
  /** Compression level; the codec's default when absent. */
  readonly level?: number;
}

/** Changes when our own part of an encoding does: block sizes, headers. */
const ENCODING_VERSION = 1;

/**
 * Computes the SHA-256 of bytes before they are compressed. For a directory
 * these are those of its archive, so that paths, modes, links and times count.
 *
 * @param plain The bytes, and who owns their memory.
 * @returns The digest.
 */
export async function digestPlain(
  { bytes, pool }: Pick<PlainSlot, "bytes" | "pool">,
): Promise<Uint8Array> {
  const hash = createSha256();
  for await (const chunk of bytes) {
    const hashed = hash.update(chunk);
    if (hashed !== undefined) await hashed;
    if (pool?.owns(chunk) === true) pool.give(chunk.buffer);
  }
  return await hash.digest();
}

/**
 * Names an entry of a slot cache after everything that decides its bytes.
 *
 * @param plainDigest SHA-256 of the bytes before they are compressed.
 * @param settings What is done to them.
 * @returns SHA-256.
 */
export async function slotCacheKey(
  plainDigest: Uint8Array,
  settings: SlotCacheSettings,
): Promise<Uint8Array> {
  const { codes, level } = settings;
  const text = [
    `flavor slot ${ENCODING_VERSION}`,
    TOOL_VERSION,
    codecVersion(),
    `operations ${codes.join(",")}`,
    `level ${level ?? "default"}`,
    "",
  ].join("\n");
  const head = new TextEncoder().encode(text);
  return await sha256(concat([head, plainDigest]));
}
