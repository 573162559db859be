import { PspfError } from "../errors.ts";
import { Operation, type OperationCode } from "../format/operations.ts";
import type { BlockPool } from "../io/block_pool.ts";
import type { BlockCompressor } from "./block_compressor.ts";
import type { BlockCache, StoredBlock } from "./encode_blocks.ts";
import { gzipCodec } from "./gzip_codec.ts";
import type { ByteTransform } from "./transform_with.ts";
import { zstdCodec } from "./zstd_codec.ts";

/** The operations that compress: all but `NONE` and `TAR`. */
export type CompressionCode = Exclude<
  OperationCode,
  typeof Operation.NONE | typeof Operation.TAR
>;

/** How to compress. */
export interface EncodeOptions {
  /** Compression level: gzip 1 to 9 (default 9), zstd 1 to 22 (default 3). */
  readonly level?: number | undefined;
  /** Encodes blocks in parallel; the output is the same without. */
  readonly compressor?: BlockCompressor | undefined;
}

/** How to compress content that comes in blocks. */
export interface EncodeBlockOptions extends EncodeOptions {
  /** Where the memory of the blocks comes from and goes back to. */
  readonly pool: BlockPool;
  /** Keeps encoded blocks for the next build. */
  readonly cache?: BlockCache | undefined;
}

/** How much a decoder may give out. */
export interface DecodeLimits {
  /**
   * Most bytes that may come out. Without it, more than 200 bytes per byte of
   * input are refused above 64 MiB.
   */
  readonly maxSize?: number | undefined;
  /** What is being decoded, for messages; `"data"` when absent. */
  readonly name?: string | undefined;
}

/** One compression, in both directions. */
export interface Codec {
  /** The name in operation chains. */
  readonly name: "gzip" | "zstd" | "bzip2" | "xz";
  /** The highest level; the lowest is 1. */
  readonly maxLevel: number;
  /** Compresses. Equal input and level give equal output, always. */
  encode(options?: EncodeOptions): ByteTransform;
  /** Compresses blocks, each of which can be decoded on its own. */
  encodeBlocks(
    blocks: AsyncIterable<Uint8Array<ArrayBuffer>>,
    options: EncodeBlockOptions,
  ): AsyncGenerator<StoredBlock, void, undefined>;
  /** Decompresses, bounded in memory and in what comes out. */
  decode(limits?: DecodeLimits): ByteTransform;
}

/** Every compression; adding one is adding it here. */
const CODECS: Readonly<Record<CompressionCode, Codec>> = {
  [Operation.GZIP]: gzipCodec,
  [Operation.ZSTD]: zstdCodec,
  [Operation.BZIP2]: missingCodec("bzip2"),
  [Operation.XZ]: missingCodec("xz"),
};

/** Whether an operation compresses. */
export function isCompression(code: OperationCode): code is CompressionCode {
  return Object.hasOwn(CODECS, code);
}

/** Finds the codec of an operation. */
export function getCodec(code: CompressionCode): Codec {
  return CODECS[code];
}

function missingCodec(name: "bzip2" | "xz"): Codec {
  const refuse = (verb: string): never => {
    throw new PspfError(
      "compress/unsupported",
      `Cannot ${verb} ${name}: this version has no ${name} codec`,
      {
        context: { operation: name },
        hint: "Use zstd, or gzip for a package that every launcher can start",
      },
    );
  };
  return {
    name,
    maxLevel: 9,
    encode: () => refuse("compress with"),
    encodeBlocks: () => refuse("compress with"),
    decode: () => refuse("decompress"),
  };
}
