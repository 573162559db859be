import type { BlockPool } from "../io/block_pool.ts";
import type { BlockCompressor } from "./block_compressor.ts";
import {
  type BlockJob,
  compressBlock,
  type EncodedBlock,
  prepareKind,
} from "./compress_block.ts";

/** Blocks on their way: the content, its pool, and who encodes them. */
export interface EncodeBlocksOptions extends Pick<BlockJob, "kind" | "level"> {
  /** Takes the memory of content back. */
  readonly pool: BlockPool;
  /** Encodes blocks in parallel; the calling thread when absent. */
  readonly compressor?: BlockCompressor | undefined;
  /** Keeps encoded blocks for the next build. */
  readonly cache?: BlockCache | undefined;
}

/** Encoded blocks of earlier builds. */
export interface BlockCache {
  /** Looks for what a job gives. */
  look(job: BlockJob): Promise<BlockCacheEntry>;
}

/**
 * One place in a {@linkcode BlockCache}.
 *
 * @internal
 */
export interface BlockCacheEntry {
  /** The encoded block, where it is known. */
  readonly block: EncodedBlock | undefined;
  /** Remembers it. */
  keep(block: EncodedBlock): Promise<void>;
}

/** What became of one block. */
export interface StoredBlock {
  /** The bytes to store, until the next block is asked for. */
  readonly bytes: Uint8Array<ArrayBuffer>;
  /** The first bytes of their SHA-256. */
  readonly digest: Uint8Array<ArrayBuffer>;
  /** Length of the content in bytes. */
  readonly contentSize: number;
}

/**
 * Encodes blocks in parallel and yields the results in order. There are never
 * more of them in memory than there are jobs and one more, however long the
 * input is.
 */
export async function* encodeBlocks(
  blocks: AsyncIterable<Uint8Array<ArrayBuffer>>,
  { kind, level, pool, compressor, cache }: EncodeBlocksOptions,
): AsyncGenerator<StoredBlock, void, undefined> {
  await prepareKind(kind);
  const maxInFlight = (compressor?.jobs ?? 1) + 1;
  const inFlight: Promise<EncodedBlock>[] = [];
  let count = 0;

  async function encode(job: BlockJob): Promise<EncodedBlock> {
    const entry = await cache?.look(job);
    if (entry?.block !== undefined) return entry.block;
    // Starting workers for an input of one block would only cost time.
    const block = compressor === undefined || (job.last && count === 1)
      ? compressBlock(job)
      : await compressor.compress(job);
    await entry?.keep(block);
    return block;
  }

  function submit(input: Uint8Array<ArrayBuffer>, last: boolean): void {
    count++;
    const result = encode({ kind, level, last, input });
    // A rejection is met when its turn comes, which may never be.
    result.catch(() => {});
    inFlight.push(result);
  }

  async function* takeOldest(): AsyncGenerator<StoredBlock, void, undefined> {
    const block = await inFlight.shift();
    if (block === undefined) return;
    const { output, digest, input } = block;
    yield { bytes: output, digest, contentSize: input.length };
    if (output.buffer !== input.buffer) release(output);
    pool.give(input);
  }

  // A block waits for the next one: only then is it certain not to be the last.
  let held: Uint8Array<ArrayBuffer> | undefined;
  for await (const block of blocks) {
    if (held !== undefined) {
      if (inFlight.length >= maxInFlight) yield* takeOldest();
      submit(held, false);
    }
    held = block;
  }
  submit(held ?? pool.take().subarray(0, 0), true);
  while (inFlight.length > 0) yield* takeOldest();
}

/**
 * Gives memory back at once. The collector sees only a small object that holds
 * a megabyte and takes its time, which doubles the peak.
 */
function release({ buffer }: Uint8Array<ArrayBuffer>): void {
  buffer.transfer(0);
}
