import {
  LimitedBytesTransformStream,
} from "@std/streams/limited-bytes-transform-stream";
import { toArrayBuffer } from "@std/streams/to-array-buffer";
import { PspfError, type PspfErrorCode } from "../errors.ts";

/** Options of {@linkcode collectBytes}. */
export interface CollectOptions {
  /** Most bytes that are taken into memory. */
  readonly maxSize: number;
  /** What the bytes are, for the message. */
  readonly what: string;
  /** Code of the error when there are more. */
  readonly code: PspfErrorCode;
}

/** Reads a stream into memory, up to a limit. */
export async function collectBytes(
  stream: ReadableStream<Uint8Array>,
  options: CollectOptions,
): Promise<Uint8Array<ArrayBuffer>> {
  const { maxSize, what, code } = options;
  const limit = new LimitedBytesTransformStream(maxSize, { error: true });
  try {
    return new Uint8Array(await toArrayBuffer(stream.pipeThrough(limit)));
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    throw new PspfError(
      code,
      `Cannot read the ${what}: it has more than ${maxSize} bytes`,
      { context: { what, expected: maxSize }, cause: error },
    );
  }
}
