import type { PackageMetadata } from "../format/metadata.ts";
import type { Seal } from "../format/seal.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
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
import { findPackage, type FoundPackage } from "./find_package.ts";
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
export interface OpenedPackage extends FoundPackage {
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

/** What people call the signatures of platforms. */
export const SIGNED_FOR = {
  pe: "Windows (Authenticode)",
  macho: "macOS (codesign)",
} as const;

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
  const found = await findPackage(given, read);
  const { source, platformSignature } = found;
  if (platformSignature !== undefined) {
    log.skip(
      "platform-signature",
      `A signature for ${
        SIGNED_FOR[platformSignature.kind]
      } follows the package; it is not judged here`,
    );
  }
  const index = await readIndex(source, log, read);
  const { slotTable } = index;
  const table = await source.read(slotTable.offset, slotTable.size, read);
  const seal = await checkSeal(index, table, log);
  await checkTrustedKey(index.fields.publicKey, trustedKeys, log);
  const { json, metadata } = await readMetadata(source, index, log, read);
  const isSealed = seal !== undefined;
  const features = metadata.compatibility?.features ?? [];
  await checkSealClaim(features, isSealed, log);
  const slots = await resolveSlots({ index, table, metadata, isSealed }, log);
  return {
    ...found,
    level: log.level,
    index,
    seal,
    metadata,
    metadataJson: json,
    slots,
    checks: log.checks,
  };
}
