import type { BlockCompressor, CompressedBlock } from "./block_compressor.ts";
import { BlockPool } from "./block_pool.ts";
import { type BlockJob, compressBlock } from "./compress_block.ts";

/** Options of {@linkcode encodeBlocks}. */
export interface EncodeBlocksOptions {
  /** `zstd` frames, or pieces of one raw `deflate` stream. */
  readonly kind: BlockJob["kind"];
  /** Compression level of the kind. */
  readonly level: number;
  /** Input bytes per block: part of the output's shape, not a tuning knob. */
  readonly blockSize: number;
  /** Compresses blocks in parallel; the calling thread when absent. */
  readonly compressor?: BlockCompressor;
  /**
   * Where blocks come from and go back to. Chunks that are blocks of it are
   * compressed where they are, others are copied.
   */
  readonly pool?: BlockPool;
}

/**
 * Cuts bytes into blocks of one size, compresses the blocks in parallel and
 * yields the results in order. There are never more blocks in memory than there
 * are jobs and the one that is being filled, however long the input is.
 *
 * @param input The bytes, in chunks of any size.
 * @param options The kind of block, and who compresses.
 * @returns The compressed bytes, one chunk per block.
 * @throws {PspfError} `compress/unsupported`, `build/failed`
 */
export async function* encodeBlocks(
  input: AsyncIterable<Uint8Array>,
  options: EncodeBlocksOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { kind, level, blockSize, compressor } = options;
  const { pool = new BlockPool(blockSize) } = options;
  const maxInFlight = compressor?.jobs ?? 1;
  const inFlight: Promise<CompressedBlock>[] = [];
  let block: Uint8Array<ArrayBuffer> | undefined;
  let filled = 0;
  let submitted = 0;

  function submit(last: boolean): void {
    const data = (block ?? pool.take()).subarray(0, filled);
    const job: BlockJob = { kind, level, last, input: data };
    // Starting workers for an input of one block would only cost time.
    const alone = last && submitted === 0;
    const result = compressor === undefined || alone
      ? Promise.resolve({ output: compressBlock(job), input: data })
      : compressor.compress(job);
    // A rejection is met when its turn comes, which may never be.
    result.catch(() => {});
    inFlight.push(result);
    submitted++;
    block = undefined;
    filled = 0;
  }

  async function* submitFull(): AsyncGenerator<Uint8Array, void, undefined> {
    const done = inFlight.length < maxInFlight
      ? undefined
      : await inFlight.shift();
    // First the free worker gets its next block, then the result goes on.
    submit(false);
    if (done === undefined) return;
    pool.give(done.input.buffer);
    yield done.output;
  }

  for await (const chunk of input) {
    let offset = 0;
    while (offset < chunk.length) {
      // A full block waits for one more byte: only then is it certain that it
      // is not the last.
      if (filled === blockSize) yield* submitFull();
      if (filled === 0 && pool.owns(chunk)) {
        if (block !== undefined) pool.give(block.buffer);
        block = new Uint8Array(chunk.buffer);
        filled = chunk.length;
        break;
      }
      block ??= pool.take();
      const end = Math.min(chunk.length, offset + blockSize - filled);
      block.set(chunk.subarray(offset, end), filled);
      filled += end - offset;
      offset = end;
    }
    // Frames do not know which is the last; only the first one may be alone.
    const waits = kind === "deflate" || submitted === 0;
    if (filled === blockSize && !waits) yield* submitFull();
  }
  if (filled > 0 || submitted === 0) submit(true);
  for (const result of inFlight) yield (await result).output;
}
