/** Options of {@linkcode RandomAccessSource.stream}. */
export interface ReadOptions {
  /** Stops the read; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Bytes of known length that can be read at any offset: a file, a `Blob`,
 * bytes in memory or a resource behind HTTP range requests. A package is read
 * from its end, so a plain stream is not enough.
 */
export interface RandomAccessSource extends AsyncDisposable {
  /** What to call it in messages: a path or a URL. */
  readonly name: string;
  /** Length in bytes. */
  readonly size: number;
  /**
   * How many bytes at its end are at hand already: a package is read from
   * there.
   */
  readonly endSize?: number | undefined;
  /**
   * Reads exactly `length` bytes.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes; the caller bounds it.
   * @param options Abort signal.
   * @returns The bytes, never fewer than asked for.
   * @throws {PspfError} `io/failed` when the source is shorter than it said.
   */
  read(
    offset: number,
    length: number,
    options?: ReadOptions,
  ): Promise<Uint8Array>;
  /**
   * Streams exactly `length` bytes in chunks of the source's choice.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes.
   * @param options Abort signal.
   * @returns The bytes; the stream errors with `io/failed` when they end early.
   */
  stream(
    offset: number,
    length: number,
    options?: ReadOptions,
  ): ReadableStream<Uint8Array>;
  /**
   * Reads into the caller's memory at once, where the host can. It must not
   * overlap another read.
   *
   * @param offset First byte, from 0.
   * @param into Takes the bytes; filled from its start.
   * @returns How many bytes were read; 0 at the end.
   * @throws {PspfError} `io/failed`
   */
  readInto?(offset: number, into: Uint8Array): number;
  /**
   * Looks how long it is now, where that can change while it is open.
   *
   * @returns Length in bytes.
   */
  currentSize?(): number;
}
