import type { BlockCompressor } from "./block_compressor.ts";
import type { BlockPool } from "./block_pool.ts";
import type { ByteTransform } from "./transform_with.ts";

/** How to compress. */
export interface EncodeOptions {
  /**
   * Compression level: gzip 1 to 9 (default 9), zstd 1 to 22 (default 3).
   */
  readonly level?: number;
  /**
   * Compresses blocks in parallel; the output is the same without.
   */
  readonly compressor?: BlockCompressor;
  /** Blocks of {@linkcode Codec.blockSize} that input may arrive in. */
  readonly pool?: BlockPool;
}

/** How much a decoder may give out. */
export interface DecodeLimits {
  /**
   * Most bytes that may come out. Without it, more than 200 bytes per byte of
   * input are refused above 64 MiB.
   */
  readonly maxSize?: number;
  /** What is being decoded, for messages; `"data"` when absent. */
  readonly name?: string;
}

/** One compression, in both directions. */
export interface Codec {
  /** The name in operation chains. */
  readonly name: "gzip" | "zstd" | "bzip2" | "xz";
  /** Bytes that are compressed at a time. */
  readonly blockSize: number;
  /**
   * Compresses. Equal input and level give equal output, always.
   *
   * @param options Level and parallelism.
   * @returns A stream that takes plain bytes.
   * @throws {PspfError} `compress/unsupported`; a level out of range is a `RangeError`
   */
  encode(options?: EncodeOptions): ByteTransform;
  /**
   * Compresses as {@linkcode Codec.encode} does, without streams in between:
   * blocks of a pool are passed on uncopied.
   *
   * @param input Plain bytes.
   * @param options Level and parallelism.
   * @returns Compressed bytes in memory of their own.
   * @throws {PspfError} `compress/unsupported`; a level out of range is a `RangeError`
   */
  encodeChunks(
    input: AsyncIterable<Uint8Array>,
    options?: EncodeOptions,
  ): AsyncGenerator<Uint8Array, void, undefined>;
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

/**
 * Checks a level against a codec's range.
 *
 * @param name The codec, for the message.
 * @param level The level asked for.
 * @param max The highest level; the lowest is 1.
 * @returns The level.
 */
export function checkLevel(name: string, level: number, max: number): number {
  if (Number.isInteger(level) && level >= 1 && level <= max) return level;
  throw new RangeError(`${name} level must be 1 to ${max}: it is ${level}`);
}
