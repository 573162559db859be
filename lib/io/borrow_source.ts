import type { RandomAccessSource } from "./random_access_source.ts";

/** Lends a source to somebody who disposes what they get; it stays open. */
export function borrowSource(source: RandomAccessSource): RandomAccessSource {
  return {
    name: source.name,
    size: source.size,
    endSize: source.endSize,
    read: (offset, length, read) => source.read(offset, length, read),
    stream: (offset, length, read) => source.stream(offset, length, read),
    ...(source.readInto && { readInto: source.readInto.bind(source) }),
    currentSize: () => source.currentSize?.() ?? source.size,
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
