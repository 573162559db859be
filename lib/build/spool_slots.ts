import { BlockCompressor } from "../compress/block_compressor.ts";
import { getCodec } from "../compress/get_codec.ts";
import { createSha256 } from "../crypto/sha256.ts";
import { Operation } from "../format/operation.ts";
import { OperationChain } from "../format/operation_chain.ts";
import type { Spool } from "../io/spool.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuiltSlot } from "./built_slot.ts";
import { type EncodedSlot, encodeSlot } from "./encode_slot.ts";
import type { OpenedSlot } from "./opened_slot.ts";

/**
 * The existing Go launcher looks for magic bytes in the first 16 of a slot and
 * fails when there are fewer.
 */
const MIN_STORED_SIZE = 16;

interface StoredBytes {
  readonly size: number;
  readonly digest: Uint8Array;
}

/**
 * Encodes slots one after the other into a spool.
 *
 * @param slots The slots.
 * @param spool Takes the stored bytes of all of them.
 * @param options Jobs, time, progress and signal.
 * @returns Where each slot lies in the spool, and its digest.
 * @throws {PspfError} what reading, encoding and writing throw
 */
export async function spoolSlots(
  slots: readonly OpenedSlot[],
  spool: Spool,
  options: BuildOptions,
): Promise<readonly BuiltSlot[]> {
  const { jobs = 1, sourceDateEpoch = 0, signal, onProgress } = options;
  const total = slots.reduce((sum, slot) => sum + slot.inputSize, 0);
  using compressor = new BlockCompressor({ jobs });
  const built: BuiltSlot[] = [];
  let completed = 0;
  let spoolOffset = 0;
  for (const opened of slots) {
    const encoded = encodeSlot(opened, {
      compressor,
      mtime: sourceDateEpoch,
      onInput: (length) => {
        completed += length;
        const slot = opened.plan.id;
        onProgress?.({ stage: "pack", slot, completed, total });
      },
      ...(signal === undefined ? {} : { signal }),
    });
    let stored = await store(encoded, spool, signal);
    let { operations } = opened;
    if (isTooSmall(opened, stored.size, encoded.kept)) {
      spoolOffset += stored.size;
      stored = await store(gzipFile(opened), spool, signal);
      operations = new OperationChain([Operation.GZIP]);
    }
    built.push({
      opened,
      operations,
      spoolOffset,
      ...stored,
      originalSize: encoded.originalSize(),
      kept: encoded.kept,
    });
    spoolOffset += stored.size;
  }
  return built;
}

async function store(
  { stored, isOwned }: Pick<EncodedSlot, "stored" | "isOwned">,
  spool: Spool,
  signal: AbortSignal | undefined,
): Promise<StoredBytes> {
  const hash = createSha256();
  let size = 0;
  for await (const chunk of stored) {
    signal?.throwIfAborted();
    const hashed = hash.update(chunk);
    if (hashed !== undefined) await hashed;
    await spool.write(chunk);
    size += chunk.length;
    if (isOwned) release(chunk);
  }
  return { size, digest: await hash.digest() };
}

/**
 * Gives memory back at once. The collector sees only a small object that holds
 * 8 MiB and takes its time, which doubles the peak.
 */
function release(chunk: Uint8Array): void {
  if (chunk.buffer instanceof ArrayBuffer) chunk.buffer.transfer(0);
}

function isTooSmall(opened: OpenedSlot, size: number, kept: boolean): boolean {
  return size < MIN_STORED_SIZE && !kept && !opened.operations.isArchive;
}

/** A gzip file has 20 bytes even when there is nothing in it. */
function gzipFile(
  opened: OpenedSlot,
): Pick<EncodedSlot, "stored" | "isOwned"> {
  const { input } = opened;
  if (input.kind !== "file") throw new TypeError("not a file");
  const stored = input.bytes.stream(0, input.bytes.size)
    .pipeThrough(getCodec(Operation.GZIP).encode());
  return { stored, isOwned: true };
}
