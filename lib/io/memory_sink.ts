import { concat } from "@std/bytes/concat";
import type { ByteSink } from "./byte_sink.ts";
import { BytesSource } from "./bytes_source.ts";
import type { RandomAccessSource } from "./random_access_source.ts";

/** A {@linkcode ByteSink} that keeps the file in memory. */
export class MemorySink implements ByteSink {
  /** The final name, for messages. */
  readonly name: string;
  readonly #chunks: Uint8Array[] = [];
  #bytes: Uint8Array | undefined;

  /** Makes an empty sink. */
  constructor(name = "memory") {
    this.name = name;
  }

  /** The whole file once it is committed. */
  get bytes(): Uint8Array | undefined {
    return this.#bytes;
  }

  /** Appends a copy of the bytes. */
  write(chunk: Uint8Array): Promise<void> {
    // Not slice(), which shares memory when the chunk is a Node Buffer.
    this.#chunks.push(new Uint8Array(chunk));
    return Promise.resolve();
  }

  /** Writes over bytes that are there already. */
  patch(offset: number, bytes: Uint8Array): Promise<void> {
    const whole = concat(this.#chunks.splice(0));
    whole.set(bytes, offset);
    this.#chunks.push(whole);
    return Promise.resolve();
  }

  /** Opens what has been written so far. */
  reopen(): Promise<RandomAccessSource> {
    return Promise.resolve(new BytesSource(concat(this.#chunks), this.name));
  }

  /** Publishes the bytes. */
  commit(): Promise<void> {
    this.#bytes = concat(this.#chunks);
    return Promise.resolve();
  }

  /** Forgets everything that was not committed. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#chunks.length = 0;
    return Promise.resolve();
  }
}
