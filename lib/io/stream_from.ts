/**
 * Makes a stream of a generator. `ReadableStream.from` does the same and is
 * missing in some browsers.
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
