/** What one write to a file should at least carry. */
const CHUNK_SIZE = 64 * 1024;

/**
 * Joins the 512-byte pieces that `UntarStream` gives out, so that whoever
 * writes them does not pay for each.
 *
 * @param pieces Small pieces.
 * @param size Their whole length in bytes.
 * @param explain Turns what `UntarStream` throws into the error to report.
 * @returns The same bytes in pieces of 64 KiB; cancelling it skips the rest.
 */
export function coalesce(
  pieces: ReadableStream<Uint8Array>,
  size: number,
  explain: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = pieces.getReader();
  let left = size;
  /** The part of a piece that did not fit. */
  let rest: Uint8Array = new Uint8Array();
  const read = (): Promise<ReadableStreamReadResult<Uint8Array>> =>
    reader.read().catch((error) => {
      throw explain(error);
    });
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const chunk = new Uint8Array(Math.min(CHUNK_SIZE, left));
      let filled = 0;
      while (filled < chunk.length) {
        if (rest.length === 0) {
          const { done, value } = await read();
          if (done) break;
          rest = value;
        }
        const part = rest.subarray(0, chunk.length - filled);
        chunk.set(part, filled);
        filled += part.length;
        rest = rest.subarray(part.length);
      }
      left -= filled;
      if (filled > 0) controller.enqueue(chunk.subarray(0, filled));
      if (filled < chunk.length || left === 0) {
        // Reading to the very end lets UntarStream go on to the next member.
        while (!(await read()).done);
        controller.close();
      }
    },
    async cancel(reason): Promise<void> {
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
