import { createSha256 } from "../crypto/sha256.ts";
import type { Spool } from "../io/spool.ts";
import type { EncodedSlot } from "./encode_slot.ts";

/** Bytes in a spool. */
export interface StoredBytes {
  /** Where they begin. */
  readonly spoolOffset: number;
  /** Their length. */
  readonly size: number;
  /** Their SHA-256. */
  readonly digest: Uint8Array;
}

/** Options of {@linkcode SpoolTape.store}. */
export interface StoreOptions {
  /** Gets every chunk, too. */
  readonly copy?: (chunk: Uint8Array) => Promise<void>;
  /** Stops the build. */
  readonly signal?: AbortSignal;
}

/** Writes slots into a spool one after the other, and knows where it is. */
export class SpoolTape {
  readonly #spool: Spool;
  #offset = 0;

  /** @param spool Takes the bytes; nobody else writes to it. */
  constructor(spool: Spool) {
    this.#spool = spool;
  }

  /**
   * Appends bytes.
   *
   * @param source The bytes, and whether their memory can be given back.
   * @param options Copy and signal.
   * @returns Where they are. What a failure leaves behind is skipped.
   * @throws {PspfError} what reading and writing throw
   */
  async store(
    source: Pick<EncodedSlot, "stored" | "isOwned">,
    options: StoreOptions = {},
  ): Promise<StoredBytes> {
    const { copy, signal } = options;
    const hash = createSha256();
    const spoolOffset = this.#offset;
    for await (const chunk of source.stored) {
      signal?.throwIfAborted();
      const hashed = hash.update(chunk);
      if (hashed !== undefined) await hashed;
      await this.#spool.write(chunk);
      await copy?.(chunk);
      this.#offset += chunk.length;
      if (source.isOwned) release(chunk);
    }
    const size = this.#offset - spoolOffset;
    return { spoolOffset, size, digest: await hash.digest() };
  }
}

/**
 * Gives memory back at once. The collector sees only a small object that holds
 * 8 MiB and takes its time, which doubles the peak.
 */
function release(chunk: Uint8Array): void {
  if (chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0);
}
