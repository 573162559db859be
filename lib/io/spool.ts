import type { RandomAccessSource } from "./random_access_source.ts";

/**
 * Scratch space that is written once from the front and then read back. The
 * metadata stands before the slots in a package but holds their digests, so
 * encoded slots wait here until all of them are known.
 */
export interface Spool extends AsyncDisposable {
  /**
   * Appends bytes.
   *
   * @param chunk The bytes; the spool does not keep the array.
   * @throws {PspfError} `io/no-space`, `io/failed`
   */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Ends writing and opens the bytes for reading.
   *
   * @returns The bytes, valid until the spool is disposed.
   */
  finish(): Promise<RandomAccessSource>;
}

/** Makes a fresh {@linkcode Spool}. */
export type SpoolFactory = () => Promise<Spool>;
