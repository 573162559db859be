import { PspfError } from "../errors.ts";
import type { DecodeLimits } from "./codec.ts";
import { nodeBuiltin, plainBytes } from "../io/node_builtin.ts";
import { OutputLimit } from "./output_limit.ts";

/**
 * Input is fed in pieces of this size, so that one piece gives at most 16 MiB
 * (deflate's ratio ends at 1032) before somebody has to ask for more.
 */
const PIECE_SIZE = 16 * 1024;

const OUTPUT_CHUNK_SIZE = 256 * 1024;

/**
 * Decompresses gzip, member after member. Where the runtime has only
 * `DecompressionStream`, that is one member.
 */
export async function* gunzip(
  input: ReadableStream<Uint8Array>,
  limits: DecodeLimits,
): AsyncGenerator<Uint8Array, void, undefined> {
  const limit = new OutputLimit(limits);
  const zlib = nodeBuiltin("node:zlib");
  const decoded = zlib === undefined
    ? decodeOnTheWeb(input, limit)
    : decodeInPieces(zlib, input, limit);
  try {
    for await (const chunk of decoded) {
      limit.addOutput(chunk.length);
      yield chunk;
    }
  } catch (error) {
    if (!isZlibError(error)) throw error;
    throw limit.corrupt(error.message, limit.inputOffset, error);
  }
}

async function* decodeOnTheWeb(
  input: ReadableStream<Uint8Array>,
  limit: OutputLimit,
): AsyncGenerator<Uint8Array, void, undefined> {
  const counted = new TransformStream<Uint8Array, BufferSource>({
    transform(chunk, controller): void {
      limit.addInput(chunk.length);
      controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
    },
  });
  yield* input.pipeThrough(counted).pipeThrough(
    new DecompressionStream("gzip"),
  );
}

async function* decodeInPieces(
  zlib: typeof import("node:zlib"),
  input: ReadableStream<Uint8Array>,
  limit: OutputLimit,
): AsyncGenerator<Uint8Array, void, undefined> {
  const decoder = zlib.createGunzip({ chunkSize: OUTPUT_CHUNK_SIZE });
  const output: Uint8Array[] = [];
  decoder.on("data", (chunk: Uint8Array) => output.push(plainBytes(chunk)));
  const failed = new Promise<never>((_, reject) => decoder.on("error", reject));
  failed.catch(() => {});
  const ended = new Promise<void>((resolve) => decoder.on("end", resolve));
  try {
    for await (const chunk of input) {
      for (let at = 0; at < chunk.length; at += PIECE_SIZE) {
        const piece = chunk.subarray(at, at + PIECE_SIZE);
        const written = new Promise<void>((resolve) =>
          decoder.write(piece, () => resolve())
        );
        await Promise.race([written, failed]);
        limit.addInput(piece.length);
        yield* output.splice(0);
      }
    }
    decoder.end();
    await Promise.race([ended, failed]);
    // The decoder passes over everything that follows a zero byte.
    if (decoder.bytesWritten < limit.inputOffset) {
      throw limit.corrupt("something follows its end", decoder.bytesWritten);
    }
    yield* output.splice(0);
  } finally {
    decoder.destroy();
  }
}

/** What `node:zlib` and `DecompressionStream` throw at damaged data. */
function isZlibError(error: unknown): error is Error {
  if (!(error instanceof Error) || error instanceof PspfError) return false;
  const { code } = error as { code?: unknown };
  return error instanceof TypeError ||
    (typeof code === "string" && code.startsWith("Z_"));
}
