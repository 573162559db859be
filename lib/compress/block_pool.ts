/**
 * Memory that goes round between whoever fills blocks and whoever compresses
 * them. Fresh memory for each block would cost more time than reading into it,
 * and the garbage collector would take its time to give it back.
 */
export class BlockPool {
  /** Bytes per block. */
  readonly size: number;
  /** Blocks are used again: who owns one must not share it. */
  readonly isReused = true;
  readonly #free: ArrayBuffer[] = [];
  readonly #lent = new WeakSet<ArrayBuffer>();

  /**
   * Makes an empty pool.
   *
   * @param size Bytes per block.
   */
  constructor(size: number) {
    this.size = size;
  }

  /**
   * Lends a block.
   *
   * @returns Memory with anything in it.
   */
  take(): Uint8Array<ArrayBuffer> {
    const buffer = this.#free.pop() ?? new ArrayBuffer(this.size);
    this.#lent.add(buffer);
    return new Uint8Array(buffer);
  }

  /**
   * Tells whether bytes are the beginning of a block that was lent. Whoever
   * gets such bytes owns the whole block.
   *
   * @param bytes The bytes.
   * @returns Whether they are.
   */
  owns(bytes: Uint8Array): bytes is Uint8Array<ArrayBuffer> {
    const { buffer, byteOffset } = bytes;
    return byteOffset === 0 && buffer instanceof ArrayBuffer &&
      this.#lent.has(buffer);
  }

  /**
   * Takes a block back, or another of its size: a block that was sent to
   * another thread comes back as a new object.
   *
   * @param buffer The memory; nobody else uses it any more.
   */
  give(buffer: ArrayBuffer): void {
    this.#lent.delete(buffer);
    if (buffer.byteLength === this.size) this.#free.push(buffer);
  }
}
