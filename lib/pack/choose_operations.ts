import { PspfError } from "../errors.ts";
import { Operation, type OperationCode } from "../format/operation.ts";
import { OperationChain } from "../format/operation_chain.ts";
import type { SlotPlan } from "../manifest/build_plan.ts";
import type { DetectedEncoding } from "./detect_encoding.ts";

/** What the choice depends on. */
export interface ChoiceFacts {
  /** Where the slot stands in the manifest, for messages. */
  readonly index: number;
  /** Whether the existing launchers have to undo it. */
  readonly portable: boolean;
}

/** What is done to a file. */
export interface FileChoice {
  /** The chain that the slot is labelled with. */
  readonly operations: OperationChain;
  /** The part of it that is still to be done; the rest is done already. */
  readonly remaining: readonly OperationCode[];
}

/** Below this size compression gains nothing that anybody would notice. */
const RAW_SIZE = 4096;

/**
 * Chooses what is done to a directory.
 *
 * @param slot The plan of the slot.
 * @param facts Position and profile.
 * @returns A chain that begins with tar.
 * @throws {PspfError} `manifest/invalid` when the manifest asks for another
 */
export function chooseForDirectory(
  slot: SlotPlan,
  facts: ChoiceFacts,
): OperationChain {
  const { TAR } = Operation;
  if (slot.operations === undefined) {
    return new OperationChain([TAR, compressionFor(facts)]);
  }
  const chain = slot.operations;
  checkShape(chain, slot, facts);
  if (chain.isArchive) return chain;
  throw wrongOperations(
    slot,
    facts,
    `"${slot.source}" is a directory, and "${chain}" does not begin with tar`,
    'Use "tar", "tar.gz" or "tar.zst", or leave operations out',
  );
}

/**
 * Chooses what is done to a file. A chain describes the stored bytes, so a
 * file that has its last form already is kept as it is.
 *
 * @param slot The plan of the slot.
 * @param size Length of the file in bytes.
 * @param encoding What its first bytes say.
 * @param facts Position and profile.
 * @returns The chain, and what is left to do.
 * @throws {PspfError} `manifest/invalid` for a chain that cannot be had
 */
export function chooseForFile(
  slot: SlotPlan,
  size: number,
  encoding: DetectedEncoding,
  facts: ChoiceFacts,
): FileChoice {
  const chain = slot.operations;
  if (chain === undefined) {
    const isRaw = size <= RAW_SIZE || encoding.isCompressed;
    const operations = new OperationChain(
      isRaw ? [] : [compressionFor(facts)],
    );
    return { operations, remaining: [...operations] };
  }
  checkShape(chain, slot, facts);
  const codes = [...chain];
  const last = codes.at(-1);
  if (last === undefined) return { operations: chain, remaining: [] };
  if (last === encoding.compression) {
    return { operations: chain, remaining: [] };
  }
  if (!chain.isArchive) return { operations: chain, remaining: codes };
  if (encoding.isTar) return { operations: chain, remaining: codes.slice(1) };
  throw wrongOperations(
    slot,
    facts,
    `"${slot.source}" is neither a tar archive nor one that is encoded as "${chain}"`,
    "Give a directory or an archive, or an operation without tar",
  );
}

function compressionFor(facts: ChoiceFacts): OperationCode {
  return facts.portable ? Operation.GZIP : Operation.ZSTD;
}

/** An archive is made of files, so tar can only be the first operation. */
function checkShape(
  chain: OperationChain,
  slot: SlotPlan,
  facts: ChoiceFacts,
): void {
  if ([...chain].lastIndexOf(Operation.TAR) > 0) {
    throw wrongOperations(
      slot,
      facts,
      `"${chain}" has tar after another operation`,
      'Write "tar" first, like "tar.gz"',
    );
  }
}

function wrongOperations(
  slot: SlotPlan,
  { index }: ChoiceFacts,
  what: string,
  hint: string,
): PspfError {
  const path = `slots[${index}].operations`;
  return new PspfError(
    "manifest/invalid",
    `Cannot build slot "${slot.id}": ${what}`,
    {
      context: { slot: slot.id, problems: [{ path, message: what }] },
      hint,
    },
  );
}
