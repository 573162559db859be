import { alignUp } from "../bytes/u64.ts";
import { PspfError } from "../errors.ts";
import {
  DEFAULT_ALIGNMENT,
  MAX_SLOT_COUNT,
  SLOT_DESCRIPTOR_SIZE,
  TRAILER_SIZE,
} from "./constants.ts";

/** The slot table is aligned like this whatever the slots are. */
const TABLE_ALIGNMENT = 8;

/** Lengths of the parts of a package, in bytes. */
export interface PartSizes {
  /** The launcher. */
  readonly launcher: number;
  /** The compressed metadata. */
  readonly metadata: number;
  /** Each slot as stored, in slot order. */
  readonly slots: readonly number[];
}

/** Where the parts of a package go, in bytes from its start. */
export interface Layout {
  /** Start of the compressed metadata: the end of the launcher. */
  readonly metadataOffset: number;
  /** Start of the slot table. */
  readonly slotTableOffset: number;
  /** Length of the slot table. */
  readonly slotTableSize: number;
  /** Start of each slot, in slot order. */
  readonly slotOffsets: readonly number[];
  /** Start of the trailer: the end of the last slot. */
  readonly trailerOffset: number;
  /** Length of the whole file. */
  readonly packageSize: number;
}

/**
 * Lays out a package: launcher, metadata, slot table, slots, trailer, with
 * nothing but alignment between them.
 *
 * @param sizes Lengths of the parts in bytes.
 * @param alignment Alignment of the slots in bytes, a positive multiple of 8.
 * @returns The offset of every part.
 * @throws {PspfError} `build/limit` when there are too many slots, or the file
 * would be longer than 2^53 bytes.
 *
 * @example The golden package
 * ```ts
 * import { computeLayout } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const layout = computeLayout({ launcher: 24, metadata: 817, slots: [29, 44, 130] });
 * assertEquals(layout.slotTableOffset, 848);
 * assertEquals(layout.slotOffsets, [1040, 1072, 1120]);
 * assertEquals(layout.packageSize, 9450);
 * ```
 */
export function computeLayout(
  sizes: PartSizes,
  alignment: number = DEFAULT_ALIGNMENT,
): Layout {
  if (alignment < TABLE_ALIGNMENT || alignment % TABLE_ALIGNMENT !== 0) {
    throw new RangeError(
      `Cannot align to ${alignment}: expected a multiple of ${TABLE_ALIGNMENT}`,
    );
  }
  if (sizes.slots.length > MAX_SLOT_COUNT) {
    throw limit("slots", sizes.slots.length, MAX_SLOT_COUNT);
  }
  const metadataOffset = sizes.launcher;
  const slotTableOffset = alignUp(
    metadataOffset + sizes.metadata,
    TABLE_ALIGNMENT,
  );
  const slotTableSize = sizes.slots.length * SLOT_DESCRIPTOR_SIZE;
  let end = slotTableOffset + slotTableSize;
  const slotOffsets = sizes.slots.map((size) => {
    // A slot without bytes takes no place, not even padding.
    const offset = size === 0 ? end : alignUp(end, alignment);
    end = offset + size;
    return offset;
  });
  const packageSize = end + TRAILER_SIZE;
  if (!Number.isSafeInteger(packageSize)) {
    throw limit("package size", packageSize, Number.MAX_SAFE_INTEGER);
  }
  return {
    metadataOffset,
    slotTableOffset,
    slotTableSize,
    slotOffsets,
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
