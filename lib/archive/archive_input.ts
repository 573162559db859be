import { startsWith } from "@std/bytes/starts-with";
import { PspfError } from "../errors.ts";
import { TAR_BLOCK_SIZE, USTAR_MAGIC, USTAR_OFFSET } from "./tar_header.ts";

/** What is handed on at once; `UntarStream` makes copies of all of it. */
const PIECE_SIZE = 64 * 1024;

/** Most content that waits to be taken; `UntarStream` reads ahead far less. */
const MAX_AHEAD = 1024 * 1024;

/** The block that `UntarStream` reads, and two more that it wants to see. */
const READ_AHEAD = 3 * TAR_BLOCK_SIZE;

/**
 * The bytes of an archive on their way into `UntarStream`. That class gives
 * content out in blocks of 512 bytes, which is slow, so content is taken from
 * here, where it passes by in large pieces. Nor does it say why it failed, or
 * read on behind the last member: this remembers how the input ended.
 */
export class ArchiveInput {
  /** What `UntarStream` reads. */
  readonly readable: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #head = new Uint8Array(TAR_BLOCK_SIZE);
  #headSize = 0;
  /** What has been read and not yet handed on. */
  #rest: Uint8Array = new Uint8Array();
  /** What has been handed on, from the position onwards. */
  #kept: Uint8Array[] = [];
  #position = 0;
  #handedOn = 0;
  #ended = false;
  #failure: { readonly error: unknown } | undefined;
  #change: PromiseWithResolvers<void> = Promise.withResolvers();

  constructor(bytes: ReadableStream<Uint8Array>) {
    this.#reader = bytes.getReader();
    this.readable = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        while (this.#handedOn - this.#position >= MAX_AHEAD) {
          await this.#change.promise;
        }
        const piece = await this.#readPiece();
        if (piece === undefined) return controller.close();
        this.#keep(piece);
        controller.enqueue(piece);
      },
      // Cancelling does not reach the source, because drain() still needs it.
    }, { highWaterMark: 0 });
  }

  /** Where the bytes begin that have not been taken or skipped. */
  get position(): number {
    return this.#position;
  }

  /** Skips bytes, those included that have yet to come. */
  skip(count: number): void {
    this.#position += count;
    let left = count;
    while (left > 0) {
      const first = this.#kept[0];
      if (first === undefined) break;
      if (first.length > left) this.#kept[0] = first.subarray(left);
      else this.#kept.shift();
      left -= Math.min(left, first.length);
    }
    this.#announceChange();
  }

  /** Fills memory with the next bytes, as they are handed on; less at the end. */
  async take(into: Uint8Array): Promise<number> {
    let filled = 0;
    while (filled < into.length) {
      const part = this.#kept[0]?.subarray(0, into.length - filled);
      if (part !== undefined) {
        into.set(part, filled);
        filled += part.length;
        this.skip(part.length);
      } else if (this.#failure !== undefined) {
        throw this.#failure.error;
      } else if (this.#ended) {
        break;
      } else {
        await this.#change.promise;
      }
    }
    return filled;
  }

  /**
   * Reads what stands behind the archive, so that the checks along the way
   * (digests, checksums of a compression) see every byte.
   */
  async drain(): Promise<void> {
    while (await this.#read() !== undefined);
  }

  /** Releases the source. */
  async cancel(): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }

  /**
   * Waits for `UntarStream` and finds out what its error means: the source has
   * failed, or has ended too early to hold a header at the position, or what
   * stands there is damaged.
   */
  async explained<T>(step: Promise<T>): Promise<T> {
    try {
      return await step;
    } catch (cause) {
      if (this.#failure !== undefined) throw this.#failure.error;
      if (this.#ended && this.#handedOn < this.#position + READ_AHEAD) {
        throw truncated(cause);
      }
      throw new PspfError(
        "archive/bad-entry",
        "Cannot read the archive: a header is damaged",
        { context: { offset: this.#position }, cause },
      );
    }
  }

  #keep(piece: Uint8Array): void {
    const skipped = Math.max(0, this.#position - this.#handedOn);
    if (skipped < piece.length) this.#kept.push(piece.subarray(skipped));
    this.#handedOn += piece.length;
    this.#announceChange();
  }

  #announceChange(): void {
    this.#change.resolve();
    this.#change = Promise.withResolvers();
  }

  async #readPiece(): Promise<Uint8Array | undefined> {
    while (this.#rest.length === 0) {
      const chunk = await this.#read();
      if (chunk === undefined) return undefined;
      this.#rest = chunk;
    }
    const piece = this.#rest.subarray(0, PIECE_SIZE);
    this.#rest = this.#rest.subarray(PIECE_SIZE);
    return piece;
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#reader.read();
      if (!done) {
        this.#checkMagic(value);
        // A Node Buffer is a Uint8Array whose slice() shares memory, which
        // `UntarStream` would then take away from everybody else.
        const { buffer, byteOffset, byteLength } = value;
        return new Uint8Array(buffer, byteOffset, byteLength);
      }
      this.#ended = true;
      this.#announceChange();
      return undefined;
    } catch (error) {
      this.#failure ??= { error };
      this.#announceChange();
      throw error;
    }
  }

  /**
   * Tars from before 1988 have no magic, and bytes that are not a tar at all
   * are told apart only by it. An archive may also be empty: nothing but zeros.
   */
  #checkMagic(chunk: Uint8Array): void {
    if (this.#headSize === TAR_BLOCK_SIZE) return;
    const part = chunk.subarray(0, TAR_BLOCK_SIZE - this.#headSize);
    this.#head.set(part, this.#headSize);
    this.#headSize += part.length;
    if (this.#headSize < TAR_BLOCK_SIZE) return;
    const isTar = startsWith(this.#head.subarray(USTAR_OFFSET), USTAR_MAGIC);
    if (isTar || this.#head.every((byte) => byte === 0)) return;
    throw new PspfError(
      "archive/bad-entry",
      "Cannot read the archive: it is not a ustar archive",
      { context: { offset: USTAR_OFFSET, expected: "ustar" } },
    );
  }
}

export function truncated(cause?: unknown): PspfError {
  return new PspfError(
    "archive/truncated",
    "Cannot read the archive: it ends early",
    { hint: "The data was cut off; get a fresh copy", cause },
  );
}
