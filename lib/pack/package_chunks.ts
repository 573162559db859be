import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { BuildOptions } from "./build_options.ts";
import type { PreparedPackage } from "./prepare_package.ts";

/** Options of {@linkcode packageChunks}. */
export interface PackageChunksOptions extends BuildOptions {
  /** Whether a chunk is used up before the next one is asked for. */
  readonly reuseMemory: boolean;
}

/** A read of this size stays in the processor's cache. */
const COPY_SIZE = 1 << 20;

/**
 * Puts a package together: launcher, metadata, slot table, slots, trailer, and
 * zeros between them.
 *
 * @param prepared The package.
 * @param options Launcher, progress, memory and signal.
 * @returns Every byte, in order.
 * @throws {PspfError} `io/failed`
 */
export async function* packageChunks(
  prepared: PreparedPackage,
  options: PackageChunksOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { onProgress } = options;
  const total = prepared.parts.layout.packageSize;
  let completed = 0;
  for await (const chunk of joinParts(prepared, options)) {
    completed += chunk.length;
    yield chunk;
    onProgress?.({ stage: "write", completed, total });
  }
}

async function* joinParts(
  prepared: PreparedPackage,
  options: PackageChunksOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { parts, slots, spool } = prepared;
  const { layout, metadata, slotTable, trailer } = parts;
  const read: CopyOptions = {
    ...(options.signal ? { signal: options.signal } : {}),
    ...(options.reuseMemory ? { memory: new Uint8Array(COPY_SIZE) } : {}),
  };
  const { launcher } = options;
  if (launcher.size > 0) yield* launcher.stream(0, launcher.size, read);
  yield metadata;
  let at = layout.metadataOffset + metadata.length;
  yield* zeros(layout.slotTableOffset - at);
  yield slotTable;
  at = layout.slotTableOffset + layout.slotTableSize;
  for (const [index, slot] of slots.entries()) {
    const offset = layout.slotOffsets[index] ?? at;
    yield* zeros(offset - at);
    yield* copy(spool, slot.spoolOffset, slot.size, read);
    at = offset + slot.size;
  }
  yield trailer;
}

interface CopyOptions {
  readonly signal?: AbortSignal;
  readonly memory?: Uint8Array;
}

async function* copy(
  source: RandomAccessSource,
  offset: number,
  size: number,
  { memory, ...read }: CopyOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  let copied = 0;
  while (memory !== undefined && copied < size) {
    read.signal?.throwIfAborted();
    const space = memory.subarray(0, size - copied);
    const count = source.readInto?.(offset + copied, space) ?? 0;
    // The stream below knows how to complain.
    if (count === 0) break;
    yield memory.subarray(0, count);
    copied += count;
  }
  if (copied < size) {
    yield* source.stream(offset + copied, size - copied, read);
  }
}

function* zeros(count: number): Generator<Uint8Array> {
  if (count > 0) yield new Uint8Array(count);
}
