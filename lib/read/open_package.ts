import type { PackageMetadata } from "../format/metadata.ts";
import type { Seal } from "../format/seal.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { CheckLog, type CheckMode, type VerifyCheck } from "./check_log.ts";
import {
  checkSeal,
  checkSealClaim,
  checkTrustedKey,
  type TrustedKey,
} from "./check_trust.ts";
import type { PackageSlot } from "./package_slot.ts";
import { type PackageIndex, readIndex } from "./read_index.ts";
import { readMetadata } from "./read_metadata.ts";
import { resolveSlots } from "./resolve_slots.ts";
import { DEFAULT_VERIFY_LEVEL, type VerifyLevel } from "./verify_level.ts";

/** Options of {@linkcode openPackage}. */
export interface OpenOptions {
  /**
   * How much has to be proved.
   *
   * @default {"standard"}
   */
  readonly level?: VerifyLevel;
  /** The keys to accept, at every level; any when absent. */
  readonly trustedKeys?: readonly TrustedKey[];
  /** Stops reading. */
  readonly signal?: AbortSignal;
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
  readonly seal?: Seal;
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
 *
 * @param source The package; still the caller's to dispose.
 * @param options Level and trusted keys.
 * @returns The open package.
 * @throws {PspfError} The code of the first check that fails: `format/*`, `verify/*`
 *
 * @example Not a package
 * ```ts
 * import { openPackage } from "@flavor/pspf/read";
 * import { BytesSource } from "@flavor/pspf/io";
 * import { assertRejects } from "@std/assert";
 *
 * await assertRejects(() => openPackage(new BytesSource(new Uint8Array(10_000))));
 * ```
 */
export async function openPackage(
  source: RandomAccessSource,
  options: OpenOptions = {},
): Promise<OpenedPackage> {
  return await examinePackage(source, createLog(options, "throw"), options);
}

/**
 * Makes the log for a run of the checks.
 *
 * @param options The level.
 * @param mode What a failure does.
 * @returns An empty log.
 */
export function createLog(options: OpenOptions, mode: CheckMode): CheckLog {
  return new CheckLog(options.level ?? DEFAULT_VERIFY_LEVEL, mode);
}

/**
 * Runs every check that does not need the content, in the order that all
 * implementations share.
 *
 * @param source The package.
 * @param log Where the verdicts go.
 * @param options Trusted keys and abort signal.
 * @returns The open package.
 * @throws {PspfError} The code of a check that fails.
 */
export async function examinePackage(
  source: RandomAccessSource,
  log: CheckLog,
  options: OpenOptions,
): Promise<OpenedPackage> {
  const { trustedKeys, signal } = options;
  const read = signal === undefined ? {} : { signal };
  if (log.level === "none") {
    log.warn("level", 'At level "none" no signature and no digest is checked');
  }
  const index = await readIndex(source, log, read);
  const table = await source.read(
    index.slotTable.offset,
    index.slotTable.size,
    read,
  );
  const seal = await checkSeal(index, table, log);
  await checkTrustedKey(index.fields.publicKey, trustedKeys, log);
  const { json, metadata } = await readMetadata(source, index, log, read);
  const isSealed = seal !== undefined;
  const features = metadata.compatibility?.features ?? [];
  await checkSealClaim(features, isSealed, log);
  const slots = await resolveSlots({ index, table, metadata, isSealed }, log);
  return {
    source,
    level: log.level,
    index,
    ...(seal === undefined ? {} : { seal }),
    metadata,
    metadataJson: json,
    slots,
    checks: log.checks,
  };
}
