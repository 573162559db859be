import { streamFrom } from "../io/stream_from.ts";

/** Bytes as this folder passes them on. */
export type ByteTransform = TransformStream<Uint8Array, Uint8Array>;

/**
 * Makes a transform stream of an async generator. Unlike a `transform()`
 * callback, a generator stops at each `yield` until somebody wants more, so a
 * small input that decodes to a large output never piles up.
 *
 * @param generate Reads the input, yields the output.
 * @returns Both ends.
 */
export function transformWith(
  generate: (
    input: ReadableStream<Uint8Array>,
  ) => AsyncGenerator<Uint8Array, void, undefined>,
): ByteTransform {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  return { writable, readable: streamFrom(generate(readable)) };
}
