/**
 * Compression of slots: one codec per operation, as web streams and in blocks.
 * Encoders are deterministic and can use several cores; decoders are bounded.
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
} from "./block_compressor.ts";
export {
  type Codec,
  type CompressionCode,
  type DecodeLimits,
  type EncodeBlockOptions,
  type EncodeOptions,
  getCodec,
  isCompression,
} from "./codec.ts";
export type { BlockJob, EncodedBlock } from "./compress_block.ts";
export type { BlockCache, StoredBlock } from "./encode_blocks.ts";
export type { ByteTransform } from "./transform_with.ts";
