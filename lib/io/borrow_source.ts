import type { RandomAccessSource } from "./random_access_source.ts";

/** Options of {@linkcode borrowSource}. */
export interface BorrowSourceOptions {
  /** What to call it in messages; the source's own name when absent. */
  readonly name?: string;
  /** What disposing does instead; nothing when absent. */
  readonly dispose?: () => PromiseLike<void>;
}

/**
 * Lends a source to somebody who disposes what they get.
 *
 * @param source The source; it stays open.
 * @param options Another name, another way to dispose.
 * @returns The same bytes.
 */
export function borrowSource(
  source: RandomAccessSource,
  options: BorrowSourceOptions = {},
): RandomAccessSource {
  const { name = source.name, dispose = () => Promise.resolve() } = options;
  return {
    name,
    size: source.size,
    read: (offset, length, read) => source.read(offset, length, read),
    stream: (offset, length, read) => source.stream(offset, length, read),
    ...(source.readInto === undefined
      ? {}
      : { readInto: source.readInto.bind(source) }),
    currentSize: () => source.currentSize?.() ?? source.size,
    [Symbol.asyncDispose]: dispose,
  };
}
