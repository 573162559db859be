import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { BuildOptions } from "./build_options.ts";
import type { PreparedPackage } from "./prepare_package.ts";

/**
 * Puts a package together: launcher, metadata, slot table, slots, trailer, and
 * zeros between them.
 *
 * @param prepared The package.
 * @param options Launcher, progress and signal.
 * @returns Every byte, in order.
 * @throws {PspfError} `io/failed`
 */
export async function* packageChunks(
  prepared: PreparedPackage,
  options: BuildOptions,
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
  options: BuildOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  const { parts, slots, spool } = prepared;
  const { layout, metadata, slotTable, trailer } = parts;
  const read = { ...(options.signal ? { signal: options.signal } : {}) };
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

async function* copy(
  source: RandomAccessSource,
  offset: number,
  size: number,
  read: { readonly signal?: AbortSignal },
): AsyncGenerator<Uint8Array, void, undefined> {
  if (size > 0) yield* source.stream(offset, size, read);
}

function* zeros(count: number): Generator<Uint8Array> {
  if (count > 0) yield new Uint8Array(count);
}
