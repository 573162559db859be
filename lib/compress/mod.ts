/**
 * Compression of slots: one codec per operation, as web streams. Encoders are
 * deterministic and can use several cores; decoders are bounded.
 *
 * @example Compress and decompress
 * ```ts
 * import { getCodec } from "@flavor/pspf/compress";
 * import { Operation } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const zstd = getCodec(Operation.ZSTD);
 * const stored = new Blob(["data"]).stream().pipeThrough(zstd.encode());
 * const plain = stored.pipeThrough(zstd.decode());
 * assertEquals(await new Response(plain).text(), "data");
 * ```
 *
 * @module
 */

export {
  BlockCompressor,
  type BlockCompressorOptions,
  type CompressedBlock,
} from "./block_compressor.ts";
export { BlockPool } from "./block_pool.ts";
export type { BlockJob } from "./compress_block.ts";
export type { Codec, DecodeLimits, EncodeOptions } from "./codec.ts";
export { type CompressionCode, getCodec, isCompression } from "./get_codec.ts";
export type { ByteTransform } from "./transform_with.ts";
