import { PspfError } from "../errors.ts";
import { DEFAULT_PERMISSIONS } from "../format/constants.ts";
import {
  FRAME_DIGEST_SIZE,
  type FrameTable,
  isFramed,
  MAX_FRAME_COUNT,
} from "../format/frames.ts";
import type { PackageMetadata, SlotMetadata } from "../format/metadata.ts";
import { Operation, OperationChain } from "../format/operations.ts";
import { parseStoredPermissions } from "../format/slot_words.ts";
import {
  parseSlotTable,
  type SlotDescriptor,
} from "../format/slot_descriptor.ts";
import type { CheckLog } from "./check_log.ts";
import { type PackageIndex, type Section, section } from "./read_index.ts";

/** A slot of an open package: its descriptor and its metadata, checked. */
export interface PackageSlot {
  /** Index in the slot table, from 0. */
  readonly index: number;
  /** Its name. */
  readonly id: string;
  /** Where the stored bytes start in the file. */
  readonly offset: number;
  /** Stored length in bytes. */
  readonly size: number;
  /** What was done to the content, in order. */
  readonly operations: OperationChain;
  /** Permission bits of a single file, at most 0o777. */
  readonly permissions: number;
  /**
   * Length of the decoded content in bytes, where it can be relied on: other
   * builders do not write it.
   */
  readonly contentSize?: number | undefined;
  /** Where its frames are, where it has more than one and is sealed. */
  readonly frames?: FrameTable | undefined;
  /** What the metadata says about it. */
  readonly metadata: SlotMetadata;
  /** The descriptor as stored. */
  readonly descriptor: SlotDescriptor;
}

/** What {@linkcode resolveSlots} works on. */
export interface SlotsInput {
  /** The index of the package. */
  readonly index: PackageIndex;
  /** The slot table as stored. */
  readonly table: Uint8Array;
  /** The metadata document. */
  readonly metadata: PackageMetadata;
  /** Whether the package carries a seal: then everything has to agree. */
  readonly isSealed: boolean;
}

/**
 * Joins the slot table with the metadata and checks both. A sealed package was
 * written by us and has to agree with itself in everything; other builders are
 * known to write sizes and operations into the metadata that are not so.
 */
export async function resolveSlots(
  input: SlotsInput,
  log: CheckLog,
): Promise<readonly PackageSlot[]> {
  const { index, table, metadata, isSealed } = input;
  const descriptors = parseSlotTable(table);
  await log.structure(
    "slot-count",
    "The metadata names every slot of the table",
    () => {
      const actual = metadata.slots.length;
      if (actual === index.slotCount) return;
      throw new PspfError(
        "format/bad-slot",
        `Cannot match the slots: the table has ${index.slotCount}, the metadata ${actual}`,
        { context: { expected: index.slotCount, actual } },
      );
    },
  );
  return await log.structure("slots", "Every slot is well formed", () => {
    const slots = metadata.slots.map((slot, position) => {
      const descriptor = descriptors[position];
      if (descriptor === undefined) {
        throw badSlot(position, "it has no descriptor");
      }
      return resolveSlot(position, slot, descriptor, input);
    });
    if (isSealed) checkOverlaps(sectionsOf(index, slots));
    return slots;
  });
}

/** Lists what a package consists of besides its trailer. */
export function sectionsOf(
  index: PackageIndex,
  slots: readonly PackageSlot[],
): readonly Section[] {
  return [index.launcher, index.metadata, index.slotTable, ...slots]
    .filter(({ size }) => size > 0)
    .sort((a, b) => a.offset - b.offset);
}

function resolveSlot(
  position: number,
  metadata: SlotMetadata,
  descriptor: SlotDescriptor,
  { index, isSealed }: SlotsInput,
): PackageSlot {
  const what = `slot ${position} ("${metadata.id}")`;
  const { offset, size } = section(
    descriptor.offset,
    descriptor.size,
    index.trailerOffset,
    what,
  );
  const operations = OperationChain.decode(descriptor.operations);
  if (isSealed) checkAgreement(position, metadata, descriptor, operations);
  const isKnownSize = isSealed &&
    descriptor.originalSize <= BigInt(Number.MAX_SAFE_INTEGER);
  const contentSize = isKnownSize ? Number(descriptor.originalSize) : undefined;
  const frames = isSealed ? metadata.frames : undefined;
  if (frames !== undefined) {
    checkFrames(position, frames, operations, size, contentSize);
  }
  // Nothing signs the descriptor of a package without a seal.
  const named = metadata.permissions === undefined
    ? undefined
    : parseStoredPermissions(metadata.permissions);
  const permissions = named || descriptor.permissions || DEFAULT_PERMISSIONS;
  return {
    index: position,
    id: metadata.id,
    offset,
    size,
    operations,
    permissions: permissions & 0o777,
    contentSize,
    frames,
    metadata,
    descriptor,
  };
}

/** A part of the slot is found by these numbers alone. */
function checkFrames(
  position: number,
  { stored, content, digests }: FrameTable,
  operations: OperationChain,
  size: number,
  contentSize: number | undefined,
): void {
  if (!isFramed(operations)) {
    throw badSlot(position, `"${operations}" has no frames`);
  }
  const count = stored.length;
  if (
    count < 2 || count > MAX_FRAME_COUNT || content.length !== count ||
    digests.length !== count * FRAME_DIGEST_SIZE ||
    stored.includes(0) || content.includes(0)
  ) {
    throw badSlot(
      position,
      `its frame table has ${count} stored sizes, ${content.length} contents and ${digests.length} bytes of digests, expected 2 to ${MAX_FRAME_COUNT} frames above 0 bytes with ${FRAME_DIGEST_SIZE} bytes of digest each`,
    );
  }
  const sum = (sizes: readonly number[]): number =>
    sizes.reduce((total, one) => total + one, 0);
  const [actual, plain] = [sum(stored), sum(content)];
  if (actual !== size || plain !== contentSize) {
    throw badSlot(
      position,
      `its frames have ${actual} bytes and hold ${plain}, expected ${size} and ${contentSize}`,
    );
  }
  const isPlain = [...operations].every((code) => code === Operation.TAR);
  if (isPlain && stored.some((one, at) => one !== content[at])) {
    throw badSlot(position, "its frames are compressed, the slot is not");
  }
}

function checkAgreement(
  position: number,
  metadata: SlotMetadata,
  descriptor: SlotDescriptor,
  operations: OperationChain,
): void {
  if (metadata.slot !== position) {
    throw badSlot(position, `the metadata calls it slot ${metadata.slot}`);
  }
  if (BigInt(metadata.size) !== descriptor.size) {
    throw badSlot(
      position,
      `its size is ${descriptor.size} in the table and ${metadata.size} in the metadata`,
    );
  }
  if (
    OperationChain.parse(metadata.operations).encode() !== descriptor.operations
  ) {
    throw badSlot(
      position,
      `its operations are "${operations}" in the table and "${metadata.operations}" in the metadata`,
    );
  }
  const permissions = parseStoredPermissions(metadata.permissions);
  if (permissions !== (descriptor.permissions || DEFAULT_PERMISSIONS)) {
    throw badSlot(
      position,
      `its permissions are ${
        descriptor.permissions.toString(8)
      } in the table and "${metadata.permissions ?? ""}" in the metadata`,
    );
  }
}

function checkOverlaps(sections: readonly Section[]): void {
  let end = 0;
  for (const { offset, size } of sections) {
    if (offset < end) {
      throw new PspfError(
        "format/bad-range",
        `Cannot use the bytes at ${offset}: two sections of the package overlap there`,
        { context: { offset, expected: end } },
      );
    }
    end = offset + size;
  }
}

function badSlot(position: number, problem: string): PspfError {
  return new PspfError(
    "format/bad-slot",
    `Cannot use slot ${position}: ${problem}`,
    {
      context: { slot: position },
      hint: "The package was changed, or its builder has a mistake",
    },
  );
}
