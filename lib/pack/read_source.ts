import type { BlockPool } from "../compress/block_pool.ts";
import { PspfError } from "../errors.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";

/** Options of {@linkcode readSource}. */
export interface ReadSourceOptions {
  /** Where the memory of the bytes comes from, where the source can use it. */
  readonly pool?: BlockPool;
  /** Stops the read. */
  readonly signal?: AbortSignal;
}

/** A read of this size stays in the processor's cache. */
const READ_SIZE = 1 << 20;

/**
 * Reads a file that is to be packed. One that somebody still writes to is
 * packed neither cut nor torn.
 *
 * @param source The file.
 * @param options Memory and signal.
 * @returns Its bytes; with a pool, in blocks of it.
 * @throws {PspfError} `build/source-changed`, `io/failed`
 */
export async function* readSource(
  source: RandomAccessSource,
  { pool, signal }: ReadSourceOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    if (pool === undefined || source.readInto === undefined) {
      const read = signal === undefined ? {} : { signal };
      yield* source.stream(0, source.size, read);
    } else yield* readBlocks(source, pool, signal);
  } catch (error) {
    checkUnchanged(source, error);
    throw error;
  }
  checkUnchanged(source);
}

/** Reads to where the bytes are compressed: no memory, no copy. */
function* readBlocks(
  source: RandomAccessSource,
  pool: BlockPool,
  signal: AbortSignal | undefined,
): Generator<Uint8Array, void, undefined> {
  const { size } = source;
  for (let offset = 0; offset < size;) {
    const block = pool.take().subarray(0, Math.min(pool.size, size - offset));
    for (let filled = 0; filled < block.length;) {
      signal?.throwIfAborted();
      const step = block.subarray(filled, filled + READ_SIZE);
      const count = source.readInto?.(offset + filled, step) ?? 0;
      if (count === 0) throw sourceChanged(source, offset + filled);
      filled += count;
    }
    offset += block.length;
    yield block;
  }
}

function checkUnchanged(source: RandomAccessSource, cause?: unknown): void {
  const actual = source.currentSize?.() ?? source.size;
  if (actual !== source.size) throw sourceChanged(source, actual, cause);
}

function sourceChanged(
  { name, size }: RandomAccessSource,
  actual: number,
  cause?: unknown,
): PspfError {
  return new PspfError(
    "build/source-changed",
    `Cannot pack "${name}": it had ${size} bytes when it was opened and has ${actual} now`,
    {
      context: { path: name, expected: size, actual },
      hint:
        "Something writes to the source; wait until it is done and pack again",
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
