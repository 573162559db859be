import { TRAILER_SIZE } from "../format/constants.ts";
import type { PackageMetadata } from "../format/metadata.ts";
import type { Seal } from "../format/seal.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
import { endsEarly } from "./check_content.ts";
import {
  CheckLog,
  type CheckMode,
  DEFAULT_VERIFY_LEVEL,
  type VerifyCheck,
  type VerifyLevel,
} from "./check_log.ts";
import {
  checkSeal,
  checkSealClaim,
  checkTrustedKey,
  type TrustedKey,
} from "./check_trust.ts";
import { type PackageIndex, readIndex } from "./read_index.ts";
import { readMetadata } from "./read_metadata.ts";
import { type PackageSlot, resolveSlots } from "./resolve_slots.ts";

/** Options of {@linkcode openPackage}. */
export interface OpenOptions {
  /**
   * How much has to be proved.
   *
   * @default {"standard"}
   */
  readonly level?: VerifyLevel | undefined;
  /** The keys to accept, at every level; any when absent. */
  readonly trustedKeys?: readonly TrustedKey[] | undefined;
  /** Stops reading. */
  readonly signal?: AbortSignal | undefined;
}

/** A package of which everything but the content has been read and checked. */
export interface OpenedPackage {
  /** Where it is read from. */
  readonly source: RandomAccessSource;
  /** The level at which it was checked. */
  readonly level: VerifyLevel;
  /** Its index block, and where the sections are. */
  readonly index: PackageIndex;
  /** Its seal, if it carries one. */
  readonly seal: Seal | undefined;
  /** Its metadata. */
  readonly metadata: PackageMetadata;
  /** The metadata exactly as signed, JSON in UTF-8. */
  readonly metadataJson: Uint8Array;
  /** Its slots, in table order. */
  readonly slots: readonly PackageSlot[];
  /** The verdicts so far, warnings among them. */
  readonly checks: readonly VerifyCheck[];
}

/**
 * Opens a package: reads and checks the trailer, the seal, the metadata and
 * the slot table, and nothing else. The content of slots is checked while it
 * is read.
 */
export async function openPackage(
  source: RandomAccessSource,
  options: OpenOptions = {},
): Promise<OpenedPackage> {
  return await examinePackage(source, createLog(options, "throw"), options);
}

/** Makes the log for a run of the checks. */
export function createLog(options: OpenOptions, mode: CheckMode): CheckLog {
  return new CheckLog(options.level ?? DEFAULT_VERIFY_LEVEL, mode);
}

/**
 * Runs every check that does not need the content, in the order that all
 * implementations share.
 */
export async function examinePackage(
  given: RandomAccessSource,
  log: CheckLog,
  options: OpenOptions,
): Promise<OpenedPackage> {
  const { trustedKeys, signal } = options;
  const read = { signal };
  if (log.level === "none") {
    log.warn("level", 'At level "none" no signature and no digest is checked');
  }
  const source = checkLengths(given);
  const tail = await readTail(source, read);
  const index = await readIndex(tail, log, read);
  const { slotTable } = index;
  const table = await tail.read(slotTable.offset, slotTable.size, read);
  const seal = await checkSeal(index, table, log);
  await checkTrustedKey(index.fields.publicKey, trustedKeys, log);
  const { json, metadata } = await readMetadata(tail, index, log, read);
  const isSealed = seal !== undefined;
  const features = metadata.compatibility?.features ?? [];
  await checkSealClaim(features, isSealed, log);
  const slots = await resolveSlots({ index, table, metadata, isSealed }, log);
  return {
    source,
    level: log.level,
    index,
    seal,
    metadata,
    metadataJson: json,
    slots,
    checks: log.checks,
  };
}

/** A source of somebody else may give less than it said; that must not count. */
function checkLengths(source: RandomAccessSource): RandomAccessSource {
  return {
    name: source.name,
    size: source.size,
    endSize: source.endSize,
    async read(offset, length, options): Promise<Uint8Array> {
      const bytes = await source.read(offset, length, options);
      if (bytes.length !== length) {
        throw endsEarly(source, offset + bytes.length);
      }
      return bytes;
    },
    stream(offset, length, options): ReadableStream<Uint8Array> {
      let done = 0;
      return source.stream(offset, length, options).pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller): void {
            done += chunk.length;
            controller.enqueue(chunk);
          },
          flush(): void {
            if (done !== length) throw endsEarly(source, offset + done);
          },
        }),
      );
    },
    ...(source.readInto && { readInto: source.readInto.bind(source) }),
    ...(source.currentSize && { currentSize: source.currentSize.bind(source) }),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/**
 * Trailer, slot table and metadata stand at the end of our packages, and nearly
 * all of them are smaller than this.
 */
const TAIL_SIZE = 64 * 1024;

/** Reads the end of a source once; what lies there is not asked for again. */
async function readTail(
  source: RandomAccessSource,
  options: ReadOptions,
): Promise<RandomAccessSource> {
  const size = Math.min(source.size, source.endSize ?? TAIL_SIZE);
  if (size < TRAILER_SIZE) return source;
  const start = source.size - size;
  const tail = await source.read(start, size, options);
  return {
    ...source,
    read(offset, length, read): Promise<Uint8Array> {
      if (offset < start) return source.read(offset, length, read);
      return Promise.resolve(
        tail.subarray(offset - start, offset - start + length),
      );
    },
  };
}
