import { alignUp } from "../bytes/u64.ts";
import { PspfError } from "../errors.ts";
import {
  ALIGNMENT,
  MAX_SLOT_COUNT,
  SLOT_DESCRIPTOR_SIZE,
  TRAILER_SIZE,
} from "./constants.ts";

/** Lengths of the parts of a package, in bytes. */
export interface PartSizes {
  /** The launcher. */
  readonly launcher: number;
  /** Each slot as stored, in slot order. */
  readonly slots: readonly number[];
  /** The compressed metadata. */
  readonly metadata: number;
}

/** Where the parts of a package go, in bytes from its start. */
export interface Layout {
  /** Start of each slot, in slot order. */
  readonly slotOffsets: readonly number[];
  /** Start of the compressed metadata. */
  readonly metadataOffset: number;
  /** Start of the slot table. */
  readonly slotTableOffset: number;
  /** Start of the trailer. */
  readonly trailerOffset: number;
  /** Length of the whole file. */
  readonly packageSize: number;
}

/**
 * Lays out a package: launcher, slots, metadata, slot table, trailer. What is
 * known last comes last, so that a package can be written in one pass.
 */
export function computeLayout(sizes: PartSizes): Layout {
  if (sizes.slots.length > MAX_SLOT_COUNT) {
    throw limit("slots", sizes.slots.length, MAX_SLOT_COUNT);
  }
  let end = sizes.launcher;
  const place = (size: number): number => {
    // What has no bytes takes no place, not even padding.
    const offset = size === 0 ? end : alignUp(end, ALIGNMENT);
    end = offset + size;
    return offset;
  };
  const slotOffsets = sizes.slots.map(place);
  const metadataOffset = place(sizes.metadata);
  const slotTableOffset = alignUp(end, ALIGNMENT);
  end = slotTableOffset + sizes.slots.length * SLOT_DESCRIPTOR_SIZE;
  const packageSize = end + TRAILER_SIZE;
  if (!Number.isSafeInteger(packageSize)) {
    throw limit("package size", packageSize, Number.MAX_SAFE_INTEGER);
  }
  return {
    slotOffsets,
    metadataOffset,
    slotTableOffset,
    trailerOffset: end,
    packageSize,
  };
}

function limit(what: string, actual: number, expected: number): PspfError {
  return new PspfError(
    "build/limit",
    `Cannot lay out the package: ${what} ${actual} exceeds ${expected}`,
    { context: { what, actual, expected } },
  );
}
