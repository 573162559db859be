import type { RandomAccessSource } from "./random_access_source.ts";

/**
 * A place that takes a whole file and shows it to others only when it is
 * complete: bytes go to a temporary file beside the target, and
 * {@linkcode ByteSink.commit} renames.
 */
export interface ByteSink extends AsyncDisposable {
  /** The final name, for messages. */
  readonly name: string;
  /** Appends bytes. */
  write(chunk: Uint8Array): Promise<void>;
  /**
   * Writes over bytes that are there already, where the sink can: a pipe cannot.
   *
   * @param offset First byte, from 0.
   * @param bytes The bytes.
   * @throws {PspfError} `io/failed`
   */
  patch?(offset: number, bytes: Uint8Array): Promise<void>;
  /**
   * Opens what has been written so far for reading, for a check before
   * {@linkcode ByteSink.commit}.
   */
  reopen(): Promise<RandomAccessSource>;
  /** Publishes what was written under the final name, in one step. */
  commit(): Promise<void>;
  /** Disposing without a commit removes every trace. */
  [Symbol.asyncDispose](): Promise<void>;
}
