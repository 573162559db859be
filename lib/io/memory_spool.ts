import { concat } from "@std/bytes/concat";
import { BytesSource } from "./bytes_source.ts";
import type { RandomAccessSource } from "./random_access_source.ts";
import type { Spool } from "./spool.ts";

/**
 * Scratch space in memory: for tests, and for small packages where there is no
 * file system.
 *
 * @example Write, then read back
 * ```ts
 * import { MemorySpool } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * await using spool = new MemorySpool();
 * await spool.write(new Uint8Array([1, 2]));
 * const source = await spool.finish();
 * assertEquals(source.size, 2);
 * ```
 */
export class MemorySpool implements Spool {
  #chunks: Uint8Array[] = [];

  /**
   * Appends a copy of the bytes.
   *
   * @param chunk The bytes.
   */
  write(chunk: Uint8Array): Promise<void> {
    // Not slice(), which shares memory when the chunk is a Node Buffer.
    this.#chunks.push(new Uint8Array(chunk));
    return Promise.resolve();
  }

  /**
   * Ends writing.
   *
   * @returns The bytes written.
   */
  finish(): Promise<RandomAccessSource> {
    return Promise.resolve(new BytesSource(concat(this.#chunks), "memory"));
  }

  /** Forgets the bytes. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#chunks = [];
    return Promise.resolve();
  }
}
