import { streamFrom } from "../io/stream_from.ts";

type Chunks<Chunk> = Iterable<Chunk> | AsyncIterable<Chunk>;

/**
 * Defines `ReadableStream.from` where the runtime lacks it, as Chromium does:
 * `UntarStream` of the standard library cannot be made without. A runtime that
 * has it is left alone.
 */
export function provideStreamFrom(): void {
  if (Object.hasOwn(ReadableStream, "from")) return;
  Object.defineProperty(ReadableStream, "from", {
    configurable: true,
    writable: true,
    value: <Chunk>(chunks: Chunks<Chunk>): ReadableStream<Chunk> =>
      streamFrom(
        Symbol.asyncIterator in chunks
          ? chunks[Symbol.asyncIterator]()
          : chunks[Symbol.iterator](),
      ),
  });
}
