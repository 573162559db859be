import { FRAME_UNIT } from "../format/frames.ts";
import { BlockPool, cutBlocks } from "../io/block_pool.ts";
import type { Codec, EncodeOptions } from "./codec.ts";

/** Bytes as this folder passes them on. */
export type ByteTransform = TransformStream<Uint8Array, Uint8Array>;

/**
 * Makes a transform stream of an async generator. Unlike a `transform()`
 * callback, a generator stops at each `yield` until somebody wants more, so a
 * small input that decodes to a large output never piles up.
 */
export function transformWith(
  generate: (
    input: ReadableStream<Uint8Array>,
  ) => AsyncGenerator<Uint8Array, void, undefined>,
): ByteTransform {
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const output = generate(readable);
  // Whoever still writes has to hear that nobody reads any more, even when the
  // generator was never started.
  const cancelInput = async (reason?: unknown): Promise<void> => {
    if (!readable.locked) await readable.cancel(reason);
  };
  return {
    writable,
    readable: new ReadableStream({
      async pull(controller): Promise<void> {
        try {
          const { done, value } = await output.next();
          if (!done) return controller.enqueue(value);
          controller.close();
        } catch (error) {
          await cancelInput(error);
          throw error;
        }
        await cancelInput();
      },
      async cancel(reason): Promise<void> {
        await output.return();
        await cancelInput(reason);
      },
    }, { highWaterMark: 0 }),
  };
}

/** Encodes a stream that has no cuts of its own, in blocks of one size. */
export function encodeWith(
  codec: Codec,
  options: EncodeOptions = {},
): ByteTransform {
  if (options.level !== undefined) checkLevel(codec, options.level);
  return transformWith(async function* (
    input,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const pool = new BlockPool(FRAME_UNIT);
    const blocks = cutBlocks(input, FRAME_UNIT, pool);
    // The block's memory is used again, and a reader may keep what it gets.
    for await (
      const { bytes } of codec.encodeBlocks(blocks, { ...options, pool })
    ) {
      yield bytes.slice();
    }
  });
}

/** Refuses a level that a codec does not have. */
export function checkLevel(
  { name, maxLevel }: Pick<Codec, "name" | "maxLevel">,
  level: number,
): void {
  if (Number.isInteger(level) && level >= 1 && level <= maxLevel) return;
  throw new RangeError(
    `${name} level must be 1 to ${maxLevel}: it is ${level}`,
  );
}
