import { PspfError } from "../errors.ts";

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

/** Puts chunks, which together have this length, into one piece of memory. */
export async function fillBytes(
  length: number,
  chunks: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of chunks) {
    bytes.set(chunk, filled);
    filled += chunk.length;
  }
  return bytes;
}

/** Refuses a part that a source does not have. */
export function checkPart(
  { name, size }: { readonly name: string; readonly size: number },
  offset: number,
  length: number,
): void {
  const end = offset + length;
  if (offset >= 0 && length >= 0 && end <= size) return;
  throw new PspfError(
    "io/failed",
    `Cannot read bytes ${offset} to ${end} of ${name}: it has ${size}`,
    { context: { path: name, offset, length, size } },
  );
}
