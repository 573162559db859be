import type { ZstdOptions } from "node:zlib";
import { PspfError } from "../errors.ts";
import { findNodeZlib, plainBytes } from "./node_zlib.ts";
import { ZstdFrameScanner } from "./zstd_frame_scanner.ts";

/** More than any runtime takes from a pool. */
const MAX_POOLED_SIZE = 64 * 1024;

/** One block of input, compressed on its own. */
export interface BlockJob {
  /** `zstd` gives one frame, `deflate` one piece of a raw stream. */
  readonly kind: "zstd" | "deflate";
  /** Compression level of the kind. */
  readonly level: number;
  /** The bytes to compress. */
  readonly input: Uint8Array<ArrayBuffer>;
  /** Whether the stream ends with this block. */
  readonly last: boolean;
}

/**
 * Compresses one block. Synchronous, because the asynchronous calls of
 * `node:zlib` all run on one thread; parallelism comes from workers that call
 * this function.
 *
 * @param job What to compress, and how.
 * @returns The compressed bytes; they depend on nothing but the job.
 * @throws {PspfError} `compress/unsupported` where the runtime has no `node:zlib`.
 */
export function compressBlock(job: BlockJob): Uint8Array<ArrayBuffer> {
  const zlib = findNodeZlib();
  if (zlib === undefined) {
    throw new PspfError(
      "compress/unsupported",
      "Cannot compress: this runtime has no node:zlib",
      { hint: "Build packages with Deno; a browser can only read them" },
    );
  }
  const { constants } = zlib;
  const chunkSize = boundOutput(job.input.length);
  if (job.kind === "zstd") {
    const options: ZstdOptions & { readonly pledgedSrcSize: number } = {
      params: {
        [constants.ZSTD_c_compressionLevel]: job.level,
        // The size lets a reader allocate once and decode frames in parallel;
        // the checksum notices a faulty decoder, which no digest of the stored
        // bytes can.
        [constants.ZSTD_c_contentSizeFlag]: 1,
        [constants.ZSTD_c_checksumFlag]: 1,
      },
      pledgedSrcSize: job.input.length,
      chunkSize,
    };
    return firstFrame(owned(zlib.zstdCompressSync(job.input, options)));
  }
  return owned(zlib.deflateRawSync(job.input, {
    level: job.level,
    chunkSize,
    finishFlush: job.last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH,
  }));
}

/**
 * Small results may lie in a pool that cannot be moved to another thread, so
 * they are copied; memory that is not of the pool is given back at once.
 */
function owned(buffer: Uint8Array): Uint8Array<ArrayBuffer> {
  const bytes = plainBytes(buffer) as Uint8Array<ArrayBuffer>;
  if (bytes.length >= MAX_POOLED_SIZE) return bytes;
  const copy = bytes.slice();
  if (bytes.buffer.byteLength >= MAX_POOLED_SIZE) bytes.buffer.transfer(0);
  return copy;
}

/** Deno 2.9 puts an empty frame behind most results. */
function firstFrame(bytes: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const result = new ZstdFrameScanner().scan(bytes);
  return result.kind === "frame"
    ? bytes.subarray(0, result.frame.length)
    : bytes;
}

/**
 * Room for the worst case, so that `node:zlib` writes its output in one piece:
 * its own pieces of 16 KiB are slower by a third, and joining them leaves as
 * much garbage as there is data.
 */
function boundOutput(inputLength: number): number {
  return inputLength + (inputLength >> 8) + 1024;
}
