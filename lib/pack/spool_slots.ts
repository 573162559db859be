import { BlockCompressor } from "../compress/block_compressor.ts";
import { getCodec } from "../compress/get_codec.ts";
import { isPspfError } from "../errors.ts";
import { Operation } from "../format/operation.ts";
import { OperationChain } from "../format/operation_chain.ts";
import type { Spool } from "../io/spool.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuiltSlot } from "./built_slot.ts";
import { packCachedSlot } from "./cached_slot.ts";
import {
  type EncodedSlot,
  encodeSlot,
  type EncodeSlotOptions,
} from "./encode_slot.ts";
import type { OpenedSlot } from "./opened_slot.ts";
import type { SlotCache } from "./slot_cache.ts";
import { SpoolTape, type StoredBytes } from "./spool_tape.ts";

/**
 * The existing Go launcher looks for magic bytes in the first 16 of a slot and
 * fails when there are fewer.
 */
const MIN_STORED_SIZE = 16;

/** From this much input on, workers are needed most likely. */
const PREPARED_SIZE = 16 * 1024 * 1024;

/**
 * Encodes slots one after the other into a spool.
 *
 * @param slots The slots.
 * @param spool Takes the stored bytes of all of them.
 * @param options Jobs, time, slot cache, progress and signal.
 * @param warn Takes what went wrong with the slot cache.
 * @returns Where each slot lies in the spool, and its digest.
 * @throws {PspfError} what reading, encoding and writing throw
 */
export async function spoolSlots(
  slots: readonly OpenedSlot[],
  spool: Spool,
  options: BuildOptions,
  warn: (message: string) => void,
): Promise<readonly BuiltSlot[]> {
  const { jobs = 1, sourceDateEpoch = 0, slotCache, signal, onProgress } =
    options;
  const total = slots.reduce((sum, slot) => sum + slot.inputSize, 0);
  using compressor = new BlockCompressor({ jobs });
  if (total > PREPARED_SIZE) compressor.prepare();
  const tape = new SpoolTape(spool);
  const built: BuiltSlot[] = [];
  let completed = 0;
  for (const opened of slots) {
    const encoding: EncodeSlotOptions = {
      compressor,
      mtime: sourceDateEpoch,
      onInput: (length) => {
        completed += length;
        const slot = opened.plan.id;
        onProgress?.({ stage: "pack", slot, completed, total });
      },
      ...(signal === undefined ? {} : { signal }),
    };
    const cached = slotCache === undefined
      ? undefined
      : await packCachedSlot(opened, {
        cache: slotCache,
        tape,
        encoding,
        warn,
      });
    built.push(
      cached === undefined
        ? await packSlot(opened, tape, encoding)
        : await finishSlot(opened, tape, {
          ...cached,
          kept: false,
          isCached: cached.isHit,
        }, signal),
    );
  }
  if (slotCache !== undefined) await trim(slotCache, warn);
  return built;
}

/** The package is built; a cache that cannot be tidied does not change that. */
async function trim(
  cache: SlotCache,
  warn: (message: string) => void,
): Promise<void> {
  try {
    await cache.trim();
  } catch (error) {
    if (!isPspfError(error)) throw error;
    warn(`the slot cache was not trimmed: ${error.message}`);
  }
}

async function packSlot(
  opened: OpenedSlot,
  tape: SpoolTape,
  encoding: EncodeSlotOptions,
): Promise<BuiltSlot> {
  const { signal } = encoding;
  const encoded = encodeSlot(opened, encoding);
  const stored = await tape.store(
    encoded,
    signal === undefined ? {} : { signal },
  );
  return await finishSlot(opened, tape, {
    stored,
    originalSize: encoded.originalSize(),
    kept: encoded.kept,
    isCached: false,
  }, signal);
}

interface PackedSlot
  extends Pick<BuiltSlot, "originalSize" | "kept" | "isCached"> {
  readonly stored: StoredBytes;
}

async function finishSlot(
  opened: OpenedSlot,
  tape: SpoolTape,
  packed: PackedSlot,
  signal: AbortSignal | undefined,
): Promise<BuiltSlot> {
  const { stored, ...facts } = packed;
  if (!isTooSmall(opened, stored.size, packed.kept)) {
    return { opened, operations: opened.operations, ...stored, ...facts };
  }
  return {
    opened,
    operations: new OperationChain([Operation.GZIP]),
    ...await tape.store(
      gzipFile(opened),
      signal === undefined ? {} : { signal },
    ),
    ...facts,
  };
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
