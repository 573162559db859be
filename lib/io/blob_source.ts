import { PspfError } from "../errors.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "./random_access_source.ts";

/**
 * A `Blob` or `File` as a {@linkcode RandomAccessSource}: what a browser has
 * after somebody chose or dropped a package.
 *
 * @example Read the end
 * ```ts
 * import { BlobSource } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * await using source = new BlobSource(new Blob(["hello"]), "hello.txt");
 * const end = await source.read(source.size - 2, 2);
 * assertEquals(new TextDecoder().decode(end), "lo");
 * ```
 */
export class BlobSource implements RandomAccessSource {
  /** What to call it in messages. */
  readonly name: string;
  readonly #blob: Blob;

  /**
   * Wraps a blob.
   *
   * @param blob The content.
   * @param name What to call it; the file's own name when it has one.
   */
  constructor(
    blob: Blob,
    name: string = blob instanceof File ? blob.name : "blob",
  ) {
    this.#blob = blob;
    this.name = name;
  }

  /** Length in bytes. */
  get size(): number {
    return this.#blob.size;
  }

  /**
   * Reads exactly `length` bytes.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes.
   * @param options Abort signal.
   * @returns The bytes.
   * @throws {PspfError} `io/failed` when they are not all there, or the file
   * behind the blob has changed.
   */
  async read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    const part = this.#slice(offset, length, options.signal);
    try {
      return new Uint8Array(await part.arrayBuffer());
    } catch (cause) {
      throw new PspfError(
        "io/failed",
        `Cannot read "${this.name}" at byte ${offset}`,
        {
          context: { path: this.name, offset, length },
          cause,
        },
      );
    }
  }

  /**
   * Streams exactly `length` bytes.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes.
   * @param options Abort signal.
   * @returns The bytes.
   * @throws {PspfError} `io/failed` when they are not all there.
   */
  stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): ReadableStream<Uint8Array> {
    const { signal } = options;
    const bytes = this.#slice(offset, length, signal).stream();
    if (signal === undefined) return bytes;
    return bytes.pipeThrough(new TransformStream(), { signal });
  }

  /** Nothing to release. */
  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  #slice(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Blob {
    signal?.throwIfAborted();
    const end = offset + length;
    if (offset < 0 || length < 0 || end > this.#blob.size) {
      throw new PspfError(
        "io/failed",
        `Cannot read bytes ${offset} to ${end} of "${this.name}": it has ${this.#blob.size}`,
        { context: { path: this.name, offset, length, size: this.#blob.size } },
      );
    }
    return this.#blob.slice(offset, end);
  }
}
