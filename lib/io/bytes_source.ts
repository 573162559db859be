import { PspfError } from "../errors.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "./random_access_source.ts";
import { streamFrom } from "./stream_from.ts";

/** Large enough for speed, small enough to stop soon after an abort. */
const CHUNK_SIZE = 256 * 1024;

/**
 * Bytes in memory as a {@linkcode RandomAccessSource}.
 *
 * @example Read a part
 * ```ts
 * import { BytesSource } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * await using source = new BytesSource(new Uint8Array([1, 2, 3, 4]));
 * assertEquals(await source.read(1, 2), new Uint8Array([2, 3]));
 * ```
 */
export class BytesSource implements RandomAccessSource {
  /** What to call it in messages. */
  readonly name: string;
  readonly #bytes: Uint8Array;

  /**
   * Wraps bytes.
   *
   * @param bytes The content; not copied, so it must not change.
   * @param name What to call it in messages.
   */
  constructor(bytes: Uint8Array, name = "memory") {
    // A Node Buffer is a Uint8Array whose `slice` shares memory; what we hand out must be the real thing.
    this.#bytes = new Uint8Array(
      bytes.buffer,
      bytes.byteOffset,
      bytes.byteLength,
    );
    this.name = name;
  }

  /** Length in bytes. */
  get size(): number {
    return this.#bytes.length;
  }

  /**
   * Reads exactly `length` bytes.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes.
   * @param options Abort signal.
   * @returns A view of the bytes.
   * @throws {PspfError} `io/failed` when they are not all there.
   */
  async read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    options.signal?.throwIfAborted();
    return await Promise.resolve(this.#slice(offset, length));
  }

  /**
   * Streams exactly `length` bytes.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes.
   * @param options Abort signal.
   * @returns The bytes.
   */
  stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): ReadableStream<Uint8Array> {
    return streamFrom(this.#chunks(offset, length, options.signal));
  }

  /** Nothing to release. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  *#chunks(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Generator<Uint8Array> {
    const bytes = this.#slice(offset, length);
    for (let at = 0; at < length; at += CHUNK_SIZE) {
      signal?.throwIfAborted();
      yield bytes.subarray(at, at + CHUNK_SIZE);
    }
  }

  #slice(offset: number, length: number): Uint8Array {
    const end = offset + length;
    if (offset < 0 || length < 0 || end > this.#bytes.length) {
      throw new PspfError(
        "io/failed",
        `Cannot read bytes ${offset} to ${end} of "${this.name}": it has ${this.#bytes.length}`,
        {
          context: {
            path: this.name,
            offset,
            length,
            size: this.#bytes.length,
          },
        },
      );
    }
    return this.#bytes.subarray(offset, end);
  }
}
