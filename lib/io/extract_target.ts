/**
 * A directory that slots are extracted into. The implementation contains every
 * path: it refuses to write or change modes through a symbolic link and never
 * leaves its root, whatever it is told.
 *
 * Paths are relative, `/`-separated and already checked by the path policy of
 * `lib/archive`; the target checks again what only the file system knows.
 */
export interface ExtractTarget {
  /** What to call the root in messages. */
  readonly name: string;
  /**
   * Creates a directory and its parents; an existing directory is fine.
   *
   * @param path Below the root.
   * @param mode Permission bits, at most 0o777; applied after its content.
   * @throws {PspfError} `archive/unsafe-path`, `io/exists`, `io/failed`
   */
  directory(path: string, mode: number): Promise<void>;
  /**
   * Writes a file from a stream, creating parents.
   *
   * @param path Below the root.
   * @param mode Permission bits, at most 0o777.
   * @param size Exact length in bytes when it is known.
   * @param content The bytes; consumed to the end or cancelled.
   * @throws {PspfError} `archive/unsafe-path`, `io/exists`, `io/no-space`, `io/failed`
   */
  file(
    path: string,
    mode: number,
    size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void>;
  /**
   * Creates a symbolic link; nothing is ever written through it.
   *
   * @param path Below the root.
   * @param target Where the link points, stored as given.
   * @throws {PspfError} `archive/unsafe-path`, `io/exists`, `io/failed`
   */
  symlink(path: string, target: string): Promise<void>;
  /**
   * Makes `path` a copy of a file extracted earlier from the same archive.
   *
   * @param path Below the root.
   * @param existing Below the root.
   * @throws {PspfError} `archive/unsafe-path`, `io/not-found`, `io/exists`, `io/failed`
   */
  hardLink(path: string, existing: string): Promise<void>;
  /**
   * Applies what has to wait for the end (directory modes) and flushes.
   *
   * @throws {PspfError} `io/failed`
   */
  finish(): Promise<void>;
}
