import type { ZstdOptions } from "node:zlib";
import { PspfError } from "../errors.ts";
import { FRAME_DIGEST_SIZE } from "../format/frames.ts";
import { nodeBuiltin, plainBytes } from "../io/node_builtin.ts";
import { encodeInWasm, prepareEncoder } from "./wasm_codecs.ts";
import { ZstdFrameScanner } from "./zstd_frame_scanner.ts";

/** More than any runtime takes from its own pool of small buffers. */
const MAX_POOLED_SIZE = 64 * 1024;

/** One block of content, encoded on its own. */
export interface BlockJob {
  /**
   * `zstd` gives a frame, `xz` and `bzip2` a stream, `deflate` a piece of a raw
   * stream, `store` the same bytes.
   */
  readonly kind: "zstd" | "xz" | "bzip2" | "deflate" | "store";
  /** Compression level of the kind. */
  readonly level: number;
  /** The content, at the start of its memory. */
  readonly input: Uint8Array<ArrayBuffer>;
  /** Whether the stream ends with this block. */
  readonly last: boolean;
}

/** An encoded block. */
export interface EncodedBlock {
  /** The bytes to store; memory of their own, but for `store`. */
  readonly output: Uint8Array<ArrayBuffer>;
  /** The first bytes of the output's SHA-256. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** The content, whose memory is free again when the output was used. */
  readonly input: Uint8Array<ArrayBuffer>;
}

/** Loads what {@linkcode compressBlock} needs for a kind and cannot wait for. */
export async function prepareKind(kind: BlockJob["kind"]): Promise<void> {
  if (kind === "xz" || kind === "bzip2") await prepareEncoder();
}

/**
 * Encodes one block. Synchronous, because the asynchronous calls of `node:zlib`
 * all run on one thread; parallelism comes from workers that call this. The
 * result depends on nothing but the job.
 */
export function compressBlock(job: BlockJob): EncodedBlock {
  const { input } = job;
  const output = encode(job);
  return { output, digest: digestOf(output), input };
}

function encode(
  { kind, level, input, last }: BlockJob,
): Uint8Array<ArrayBuffer> {
  if (kind === "store") return input;
  if (kind === "xz" || kind === "bzip2") {
    return encodeInWasm(kind, input, level);
  }
  const zlib = nodeBuiltin("node:zlib");
  if (zlib === undefined) throw cannotCompress();
  const { constants } = zlib;
  const chunkSize = boundOutput(input.length);
  if (kind === "deflate") {
    const finishFlush = last ? constants.Z_FINISH : constants.Z_SYNC_FLUSH;
    return owned(zlib.deflateRawSync(input, { level, chunkSize, finishFlush }));
  }
  const options: ZstdOptions & { readonly pledgedSrcSize: number } = {
    params: {
      [constants.ZSTD_c_compressionLevel]: level,
      // The size lets a reader allocate once and decode frames in parallel;
      // the checksum notices a faulty decoder, which no digest of the stored
      // bytes can.
      [constants.ZSTD_c_contentSizeFlag]: 1,
      [constants.ZSTD_c_checksumFlag]: 1,
    },
    pledgedSrcSize: input.length,
    chunkSize,
  };
  return firstFrame(owned(zlib.zstdCompressSync(input, options)));
}

function digestOf(bytes: Uint8Array): Uint8Array<ArrayBuffer> {
  const crypto = nodeBuiltin("node:crypto");
  if (crypto === undefined) throw cannotCompress();
  const digest = crypto.createHash("sha256").update(bytes).digest();
  return new Uint8Array(digest.subarray(0, FRAME_DIGEST_SIZE));
}

function cannotCompress(): PspfError {
  return new PspfError(
    "compress/unsupported",
    "Cannot compress: this runtime has no node:zlib",
    { hint: "Build packages with Deno; a browser can only read them" },
  );
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
