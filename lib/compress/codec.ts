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
  /**
   * Compresses. Equal input and level give equal output, always.
   *
   * @param options Level and parallelism.
   * @returns A stream that takes plain bytes.
   * @throws {PspfError} `compress/unsupported`; a level out of range is a `RangeError`
   */
  encode(options?: EncodeOptions): ByteTransform;
  /**
   * Compresses blocks, each of which can be decoded on its own.
   *
   * @param blocks The content; where a block ends is part of the output.
   * @param options Level, parallelism and memory.
   * @returns One stored block for each, and what the compression adds around
   * them.
   * @throws {PspfError} `compress/unsupported`; a level out of range is a `RangeError`
   */
  encodeBlocks(
    blocks: AsyncIterable<Uint8Array<ArrayBuffer>>,
    options: EncodeBlockOptions,
  ): AsyncGenerator<StoredBlock, void, undefined>;
  /**
   * Decompresses, bounded in memory and in what comes out.
   *
   * @param limits How much may come out.
   * @returns A stream that takes compressed bytes; it errors with
   * `compress/corrupt` or `compress/too-large`.
   * @throws {PspfError} `compress/unsupported`
   */
  decode(limits?: DecodeLimits): ByteTransform;
}

/** Every compression; adding one is adding it here. */
const CODECS: Readonly<Record<CompressionCode, Codec>> = {
  [Operation.GZIP]: gzipCodec,
  [Operation.ZSTD]: zstdCodec,
  [Operation.BZIP2]: missingCodec("bzip2"),
  [Operation.XZ]: missingCodec("xz"),
};

/**
 * Whether an operation compresses.
 *
 * @param code One of `Operation`.
 * @returns `true` when {@linkcode getCodec} has a codec for it.
 */
export function isCompression(code: OperationCode): code is CompressionCode {
  return Object.hasOwn(CODECS, code);
}

/**
 * Finds the codec of an operation.
 *
 * @param code A compressing operation.
 * @returns The codec; bzip2 and xz have one that refuses to work.
 *
 * @example There and back
 * ```ts
 * import { getCodec } from "@flavor/pspf/compress";
 * import { Operation } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const gzip = getCodec(Operation.GZIP);
 * const stored = new Blob(["hello"]).stream().pipeThrough(gzip.encode());
 * const plain = stored.pipeThrough(gzip.decode({ maxSize: 5 }));
 * assertEquals(await new Response(plain).text(), "hello");
 * ```
 */
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
