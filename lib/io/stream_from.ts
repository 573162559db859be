/**
 * Makes a stream of a generator. `ReadableStream.from` does the same and is
 * missing in some browsers.
 *
 * @param chunks Gives one chunk whenever somebody wants one; returned early
 * when the stream is cancelled, so that its `finally` blocks run.
 * @returns The chunks.
 *
 * @example Two chunks
 * ```ts
 * import { streamFrom } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * const stream = streamFrom([new Uint8Array([1]), new Uint8Array([2])].values());
 * assertEquals((await Array.fromAsync(stream)).length, 2);
 * ```
 */
export function streamFrom<Chunk>(
  chunks: Iterator<Chunk, unknown> | AsyncIterator<Chunk, unknown>,
): ReadableStream<Chunk> {
  return new ReadableStream<Chunk>({
    async pull(controller): Promise<void> {
      const result = await chunks.next();
      if (result.done) controller.close();
      else controller.enqueue(result.value);
    },
    async cancel(): Promise<void> {
      await chunks.return?.();
    },
  }, { highWaterMark: 0 });
}
