import { concat } from "@std/bytes/concat";

/** What one write to a file should at least carry. */
const CHUNK_SIZE = 64 * 1024;

/**
 * Joins the 512-byte pieces that `UntarStream` gives out, so that whoever
 * writes them does not pay for each. Large pieces pass uncopied.
 *
 * @param pieces The content of a member.
 * @param size Its whole length in bytes.
 * @param explain Turns what `UntarStream` throws into the error to report.
 * @returns The same bytes in pieces of at least 64 KiB, but for the last;
 * cancelling it skips the rest.
 */
export function coalesce(
  pieces: ReadableStream<Uint8Array>,
  size: number,
  explain: (error: unknown) => unknown,
): ReadableStream<Uint8Array> {
  const reader = pieces.getReader();
  let left = size;
  const read = async (): Promise<Uint8Array | undefined> => {
    try {
      return (await reader.read()).value;
    } catch (error) {
      throw explain(error);
    }
  };
  const readChunk = async (): Promise<Uint8Array | undefined> => {
    const first = await read();
    if (first === undefined || first.length >= Math.min(CHUNK_SIZE, left)) {
      return first;
    }
    const chunk = new Uint8Array(Math.min(2 * CHUNK_SIZE, left));
    chunk.set(first);
    let filled = first.length;
    while (filled < Math.min(CHUNK_SIZE, left)) {
      const piece = await read();
      if (piece === undefined) break;
      // A large piece behind small ones is rare; then it is copied once more.
      if (filled + piece.length > chunk.length) {
        return concat([chunk.subarray(0, filled), piece]);
      }
      chunk.set(piece, filled);
      filled += piece.length;
    }
    return chunk.subarray(0, filled);
  };
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      const chunk = left > 0 ? await readChunk() : undefined;
      if (chunk !== undefined) {
        left -= chunk.length;
        controller.enqueue(chunk);
      }
      if (chunk === undefined || left === 0) {
        // Reading to the very end lets UntarStream go on to the next member.
        while (await read() !== undefined);
        controller.close();
      }
    },
    async cancel(reason): Promise<void> {
      await reader.cancel(reason);
    },
  }, { highWaterMark: 0 });
}
