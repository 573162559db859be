import type {
  RandomAccessSource,
  ReadOptions,
} from "./random_access_source.ts";
import { streamFrom } from "./stream_from.ts";

/** So many bytes between two parts are read over: asking anew would take longer. */
const MAX_GAP = 4096;

/** One stream that serves one part after the other. */
interface Ahead {
  readonly reader: ReadableStreamDefaultReader<Uint8Array>;
  at: number;
  rest: Uint8Array;
}

/**
 * Joins streams that follow each other, up to `end`, into one: from afar each of
 * them would be a request. What lay between two of them is kept. Disposing it
 * leaves the source open.
 */
export function readAhead(
  source: RandomAccessSource,
  end: number,
): RandomAccessSource {
  const gaps = new Map<number, Uint8Array>();
  let ahead: Ahead | undefined;
  let isBusy = false;

  async function close(): Promise<void> {
    // One that has failed has said so already.
    await ahead?.reader.cancel().catch(() => {});
    ahead = undefined;
  }

  async function start(offset: number, options: ReadOptions): Promise<Ahead> {
    if (ahead !== undefined && offset - ahead.at <= MAX_GAP) return ahead;
    await close();
    const reader = source.stream(offset, end - offset, options).getReader();
    return ahead = { reader, at: offset, rest: new Uint8Array() };
  }

  /** Up to so many bytes; none at the end. */
  async function take(from: Ahead, most: number): Promise<Uint8Array> {
    while (from.rest.length === 0) {
      const { done, value } = await from.reader.read();
      if (done) return new Uint8Array();
      from.rest = value;
    }
    const part = from.rest.subarray(0, most);
    from.rest = from.rest.subarray(part.length);
    from.at += part.length;
    return part;
  }

  async function* parts(
    offset: number,
    length: number,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const gap = gaps.get(offset);
    if (gap?.length === length) return yield gap;
    const isNext = !isBusy && offset >= (ahead?.at ?? 0) &&
      offset + length <= end;
    if (!isNext) return yield* source.stream(offset, length, options);
    isBusy = true;
    try {
      const from = await start(offset, options);
      if (from.at < offset) {
        const [at, skipped] = [from.at, new Uint8Array(offset - from.at)];
        for (let filled = 0; filled < skipped.length;) {
          const part = await take(from, skipped.length - filled);
          if (part.length === 0) break;
          skipped.set(part, filled);
          filled += part.length;
        }
        gaps.set(at, skipped);
      }
      for (let left = length; left > 0;) {
        const part = await take(from, left);
        // Whoever counts notices that the source is shorter than it said.
        if (part.length === 0) return;
        left -= part.length;
        yield part;
      }
    } finally {
      isBusy = false;
    }
  }

  return {
    name: source.name,
    size: source.size,
    read: (offset, length, options) => source.read(offset, length, options),
    stream: (offset, length, options = {}) =>
      streamFrom(parts(offset, length, options)),
    [Symbol.asyncDispose]: close,
  };
}
