/**
 * Memory that goes round between whoever fills blocks and whoever encodes them.
 * Fresh memory for each block would cost more time than reading into it, and
 * the garbage collector would take its time to give it back.
 */
export class BlockPool {
  /** Most bytes of a block. */
  readonly size: number;
  readonly #free: ArrayBuffer[] = [];

  /** Lends blocks of `size` bytes. */
  constructor(size: number) {
    this.size = size;
  }

  /** Lends memory with anything in it; whoever has it owns all of it. */
  take(): Uint8Array<ArrayBuffer> {
    return new Uint8Array(this.#free.pop() ?? new ArrayBuffer(this.size));
  }

  /**
   * Takes memory back that nobody uses any more. A block that was sent to
   * another thread comes back as a new object.
   */
  give({ buffer }: Uint8Array<ArrayBuffer>): void {
    if (buffer.byteLength === this.size) this.#free.push(buffer);
  }
}

/** Joins and cuts chunks of any size into blocks of one size. */
export async function* cutBlocks(
  chunks: AsyncIterable<Uint8Array>,
  size: number,
  pool: BlockPool,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  let block: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  for await (const chunk of chunks) {
    for (let at = 0; at < chunk.length;) {
      block ??= pool.take();
      const part = chunk.subarray(at, at + size - filled);
      block.set(part, filled);
      filled += part.length;
      at += part.length;
      if (filled < size) continue;
      yield block.subarray(0, filled);
      block = undefined;
      filled = 0;
    }
  }
  if (block !== undefined) yield block.subarray(0, filled);
}
