import { PspfError } from "../errors.ts";
import { DEFAULT_PERMISSIONS } from "../format/constants.ts";
import type { PackageMetadata, SlotMetadata } from "../format/metadata.ts";
import { OperationChain } from "../format/operation_chain.ts";
import { readPermissions } from "../format/permissions.ts";
import {
  parseSlotTable,
  type SlotDescriptor,
} from "../format/slot_descriptor.ts";
import type { CheckLog } from "./check_log.ts";
import type { PackageSlot } from "./package_slot.ts";
import { type PackageIndex, type Section, section } from "./read_index.ts";

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
 *
 * @param input The parts of the package.
 * @param log Where the verdicts go.
 * @returns The slots in table order.
 * @throws {PspfError} `format/bad-slot`, `format/bad-range`, `format/bad-operations`
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

/**
 * Lists what a package consists of besides its trailer.
 *
 * @param index The index of the package.
 * @param slots Its slots.
 * @returns Every piece that has bytes, in file order.
 */
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
  return {
    index: position,
    id: metadata.id,
    offset,
    size,
    operations,
    permissions: (descriptor.permissions || DEFAULT_PERMISSIONS) & 0o777,
    ...(isKnownSize ? { contentSize: Number(descriptor.originalSize) } : {}),
    metadata,
    descriptor,
  };
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
  const permissions = readPermissions(metadata.permissions);
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
