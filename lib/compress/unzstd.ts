import type { DecodeLimits } from "./codec.ts";
import { nodeBuiltin, plainBytes } from "../io/node_builtin.ts";
import { OutputLimit } from "./output_limit.ts";
import { decodeInWasm } from "./wasm_codecs.ts";
import { type ZstdFrame, ZstdFrameScanner } from "./zstd_frame_scanner.ts";

/**
 * A frame is decoded whole, because the streaming decoder of `node:zlib` ends
 * the process at damaged data instead of reporting it. Packages have frames of
 * about 1 MiB; other tools may write one frame for everything, which is
 * streamed through the slower decoder in WebAssembly.
 */
const MAX_FRAME_SIZE = 64 * 1024 * 1024;

const INITIAL_CAPACITY = 1024 * 1024;

/** Frames up to this size are handed on as they are. */
const MAX_CHUNK_SIZE = 4 * 1024 * 1024;

/** Two to this power is the largest window, in bytes: as in the launcher. */
const MAX_WINDOW_LOG = 26;

/**
 * Output of `node:zlib` comes in pieces of this size at most; its own 16 KiB
 * make decoding much slower, and a frame that fits into one is not copied.
 */
const MAX_PIECE_SIZE = 2 * 1024 * 1024;

/** Decompresses zstd, frame after frame. */
export async function* unzstd(
  input: ReadableStream<Uint8Array>,
  limits: DecodeLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const limit = new OutputLimit(limits);
  const zlib = nodeBuiltin("node:zlib");
  if (zlib === undefined) return yield* decodeInWasm("zstd", input, limit);
  let pending = new Uint8Array(INITIAL_CAPACITY);
  let filled = 0;
  let offset = 0;
  let scanner = new ZstdFrameScanner();

  const streamRest = (start: number): AsyncGenerator<Uint8Array> => {
    const left = pending.subarray(start, filled);
    // It is counted again.
    limit.addInput(-left.length);
    return decodeInWasm("zstd", rejoin(left, chunks), limit);
  };
  const chunks = input.values();
  for await (const chunk of chunks) {
    limit.addInput(chunk.length);
    pending = append(pending, filled, chunk);
    filled += chunk.length;
    let start = 0;
    while (start < filled) {
      const result = scanner.scan(pending.subarray(start, filled));
      if (result.kind === "corrupt") {
        throw limit.corrupt(result.what, offset + result.offset);
      }
      if (result.kind === "more") {
        if (result.needed <= MAX_FRAME_SIZE) break;
        return yield* streamRest(start);
      }
      const { frame } = result;
      const end = start + frame.length;
      if (!frame.skippable) {
        const bytes = pending.subarray(start, end);
        const plain = decodeFrame(zlib, bytes, frame, limit, offset);
        if (plain === undefined) return yield* streamRest(start);
        limit.addOutput(plain.length);
        yield* handOut(plain);
      }
      start = end;
      offset += frame.length;
      scanner = new ZstdFrameScanner();
    }
    pending.copyWithin(0, start, filled);
    filled -= start;
  }
  if (filled > 0) throw limit.corrupt("it ends inside of a frame", offset);
  if (offset === 0) throw limit.corrupt("it is empty", 0);
}

async function* rejoin(
  left: Uint8Array,
  chunks: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield left;
  yield* chunks;
}

/**
 * Cuts a large frame into copies and frees its memory at once: a garbage
 * collector that sees only small objects would let many of them pile up.
 */
function* handOut(plain: Uint8Array): Generator<Uint8Array> {
  if (plain.length <= MAX_CHUNK_SIZE) return yield plain;
  for (let at = 0; at < plain.length; at += MAX_CHUNK_SIZE) {
    yield plain.slice(at, at + MAX_CHUNK_SIZE);
  }
  const { buffer } = plain;
  const isOwn = buffer instanceof ArrayBuffer &&
    buffer.byteLength === plain.length;
  if (isOwn) buffer.transfer(0);
}

function append(
  buffer: Uint8Array<ArrayBuffer>,
  filled: number,
  chunk: Uint8Array,
): Uint8Array<ArrayBuffer> {
  const needed = filled + chunk.length;
  let target = buffer;
  if (needed > buffer.length) {
    target = new Uint8Array(Math.max(needed, buffer.length * 2));
    target.set(buffer.subarray(0, filled));
  }
  target.set(chunk, filled);
  return target;
}

/** `undefined` when the frame is too large to be decoded whole. */
function decodeFrame(
  zlib: typeof import("node:zlib"),
  bytes: Uint8Array,
  frame: ZstdFrame,
  limit: OutputLimit,
  offset: number,
): Uint8Array | undefined {
  const declared = frame.contentSize ?? 0;
  if (declared > limit.remaining) throw limit.tooLarge();
  if (declared > MAX_FRAME_SIZE) return undefined;
  // One byte more than allowed, so that "exactly full" and "too much" differ.
  const most = Math.min(limit.remaining, MAX_FRAME_SIZE) + 1;
  let plain: Uint8Array;
  try {
    plain = zlib.zstdDecompressSync(bytes, {
      maxOutputLength: most,
      chunkSize: Math.min(
        MAX_PIECE_SIZE,
        // One byte more, or a full piece is followed by an empty one.
        (frame.contentSize ?? INITIAL_CAPACITY) + 64,
      ),
      params: { [zlib.constants.ZSTD_d_windowLogMax]: MAX_WINDOW_LOG },
    });
  } catch (error) {
    const { code } = error as { code?: unknown };
    if (code === "ERR_BUFFER_TOO_LARGE") {
      if (most > limit.remaining) throw limit.tooLarge();
      return undefined;
    }
    const what = error instanceof Error ? error.message : String(error);
    throw limit.corrupt(what, offset, error);
  }
  if (frame.contentSize !== undefined && plain.length !== frame.contentSize) {
    const what = `a frame of ${frame.contentSize} bytes gave ${plain.length}`;
    throw limit.corrupt(what, offset);
  }
  return plainBytes(plain);
}
