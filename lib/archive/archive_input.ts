import { PspfError } from "../errors.ts";
import { TAR_BLOCK_SIZE, USTAR_MAGIC, USTAR_OFFSET } from "./tar_header.ts";

/** What is handed on at once. */
const PIECE_SIZE = 256 * 1024;

/**
 * The bytes of an archive on their way into `UntarStream`, which neither says
 * why it failed nor reads on behind the last member: this remembers both how
 * the input ended and what of it is still to be read.
 */
export class ArchiveInput {
  /** What `UntarStream` reads. */
  readonly readable: ReadableStream<Uint8Array>;
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly #head: number[] = [];
  /** What has been read and not yet handed on. */
  #rest: Uint8Array = new Uint8Array();
  #ended = false;
  #failure: { readonly error: unknown } | undefined;

  /** @param bytes The archive. */
  constructor(bytes: ReadableStream<Uint8Array>) {
    this.#reader = bytes.getReader();
    this.readable = new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const piece = await this.#readPiece();
        if (piece === undefined) controller.close();
        else controller.enqueue(piece);
      },
      // Cancelling does not reach the source, because drain() still needs it.
    }, { highWaterMark: 0 });
  }

  /** Whether every byte has been read. */
  get ended(): boolean {
    return this.#ended;
  }

  /**
   * Reads what stands behind the archive, so that the checks along the way
   * (digests, checksums of a compression) see every byte.
   *
   * @throws {unknown} What the source threw.
   */
  async drain(): Promise<void> {
    while (await this.#read() !== undefined);
  }

  /**
   * Releases the source.
   *
   * @param reason Why nothing more is wanted.
   */
  async cancel(reason?: unknown): Promise<void> {
    await this.#reader.cancel(reason).catch(() => {});
  }

  /**
   * Explains an error of `UntarStream`.
   *
   * @param error What it threw.
   * @returns The source's own error, or what is wrong with the archive.
   */
  explain(error: unknown): unknown {
    if (this.#failure !== undefined) return this.#failure.error;
    if (error instanceof PspfError || !(error instanceof Error)) return error;
    return this.#ended
      ? new PspfError(
        "archive/truncated",
        "Cannot read the archive: it ends early",
        {
          hint: "The data was cut off; get a fresh copy",
          cause: error,
        },
      )
      : new PspfError(
        "archive/bad-entry",
        "Cannot read the archive: a header is damaged",
        {
          cause: error,
        },
      );
  }

  /** A zstd frame comes as 8 MiB, of which `UntarStream` would make a copy. */
  async #readPiece(): Promise<Uint8Array | undefined> {
    if (this.#rest.length === 0) {
      const chunk = await this.#read();
      if (chunk === undefined) return undefined;
      this.#rest = asPlainBytes(chunk);
    }
    const piece = this.#rest.subarray(0, PIECE_SIZE);
    this.#rest = this.#rest.subarray(PIECE_SIZE);
    return piece;
  }

  async #read(): Promise<Uint8Array | undefined> {
    try {
      const { done, value } = await this.#reader.read();
      if (!done) this.#checkMagic(value);
      this.#ended = done;
      return done ? undefined : value;
    } catch (error) {
      this.#failure ??= { error };
      throw error;
    }
  }

  /**
   * Tars from before 1988 have no magic, and bytes that are no tar at all are
   * told apart only by it. An archive may also be empty: nothing but zeros.
   */
  #checkMagic(chunk: Uint8Array): void {
    if (this.#head.length === TAR_BLOCK_SIZE) return;
    this.#head.push(...chunk.subarray(0, TAR_BLOCK_SIZE - this.#head.length));
    if (this.#head.length < TAR_BLOCK_SIZE) return;
    const isTar = USTAR_MAGIC.every((byte, at) =>
      this.#head[USTAR_OFFSET + at] === byte
    );
    if (isTar || this.#head.every((byte) => byte === 0)) return;
    throw new PspfError(
      "archive/bad-entry",
      "Cannot read the archive: it is no ustar archive",
      {
        context: { offset: USTAR_OFFSET, expected: "ustar" },
      },
    );
  }
}

/**
 * A Node Buffer is a Uint8Array whose slice() shares memory; `UntarStream` hands
 * such slices to byte streams, which take the memory away from everybody else.
 */
function asPlainBytes(
  { buffer, byteOffset, byteLength }: Uint8Array,
): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
