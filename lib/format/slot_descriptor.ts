import { PspfError } from "../errors.ts";
import { SLOT_DESCRIPTOR_SIZE } from "./constants.ts";

/** One entry of the slot table as stored; nothing in it has been checked. */
export interface SlotDescriptor {
  /** Number of the slot; see {@linkcode slotDescriptorId}. */
  readonly id: bigint;
  /** First 8 bytes of the SHA-256 of the slot's name. */
  readonly nameHash: bigint;
  /** Where the stored bytes start. */
  readonly offset: bigint;
  /** Stored length in bytes. */
  readonly size: bigint;
  /** Length before compression in bytes; a hint that some builders fake. */
  readonly originalSize: bigint;
  /** The packed operation chain. */
  readonly operations: bigint;
  /** First 8 bytes of the SHA-256 of the stored bytes. */
  readonly checksum: bigint;
  /** Purpose byte, see {@linkcode purposeByte}. */
  readonly purpose: number;
  /** Lifecycle byte, see {@linkcode lifecycleByte}. */
  readonly lifecycle: number;
  /** 128 is normal; no reader acts on it. */
  readonly priority: number;
  /** 0 any, 1 Linux, 2 macOS, 3 Windows. */
  readonly platform: number;
  /** Permission bits of a single file; 0 means 0600. */
  readonly permissions: number;
}

/** Byte offsets inside a descriptor. */
const AT = {
  id: 0,
  nameHash: 8,
  offset: 16,
  size: 24,
  originalSize: 32,
  operations: 40,
  checksum: 48,
  purpose: 56,
  lifecycle: 57,
  priority: 58,
  platform: 59,
  permissions: 62,
} as const;

/** Encodes one slot descriptor. */
export function encodeSlotDescriptor(
  slot: SlotDescriptor,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SLOT_DESCRIPTOR_SIZE);
  const view = new DataView(bytes.buffer);
  view.setBigUint64(AT.id, slot.id, true);
  view.setBigUint64(AT.nameHash, slot.nameHash, true);
  view.setBigUint64(AT.offset, slot.offset, true);
  view.setBigUint64(AT.size, slot.size, true);
  view.setBigUint64(AT.originalSize, slot.originalSize, true);
  view.setBigUint64(AT.operations, slot.operations, true);
  view.setBigUint64(AT.checksum, slot.checksum, true);
  view.setUint8(AT.purpose, slot.purpose);
  view.setUint8(AT.lifecycle, slot.lifecycle);
  view.setUint8(AT.priority, slot.priority);
  view.setUint8(AT.platform, slot.platform);
  view.setUint16(AT.permissions, slot.permissions, true);
  return bytes;
}

/**
 * Reads one slot descriptor.
 *
 * @param bytes 64 bytes.
 * @returns The fields as stored, unchecked.
 *
 * @example Nothing but zeros
 * ```ts
 * import { parseSlotDescriptor } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseSlotDescriptor(new Uint8Array(64)).permissions, 0);
 * ```
 */
export function parseSlotDescriptor(bytes: Uint8Array): SlotDescriptor {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return {
    id: view.getBigUint64(AT.id, true),
    nameHash: view.getBigUint64(AT.nameHash, true),
    offset: view.getBigUint64(AT.offset, true),
    size: view.getBigUint64(AT.size, true),
    originalSize: view.getBigUint64(AT.originalSize, true),
    operations: view.getBigUint64(AT.operations, true),
    checksum: view.getBigUint64(AT.checksum, true),
    purpose: view.getUint8(AT.purpose),
    lifecycle: view.getUint8(AT.lifecycle),
    priority: view.getUint8(AT.priority),
    platform: view.getUint8(AT.platform),
    permissions: view.getUint16(AT.permissions, true),
  };
}

/** Encodes a slot table. */
export function encodeSlotTable(
  slots: readonly SlotDescriptor[],
): Uint8Array<ArrayBuffer> {
  const table = new Uint8Array(slots.length * SLOT_DESCRIPTOR_SIZE);
  for (const [index, slot] of slots.entries()) {
    table.set(encodeSlotDescriptor(slot), index * SLOT_DESCRIPTOR_SIZE);
  }
  return table;
}

/**
 * Reads a slot table.
 *
 * @param table 64 bytes per slot.
 * @returns The descriptors in slot order, unchecked.
 * @throws {PspfError} `format/bad-slot` when the length is no multiple of 64.
 *
 * @example Two slots
 * ```ts
 * import { parseSlotTable } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseSlotTable(new Uint8Array(128)).length, 2);
 * ```
 */
export function parseSlotTable(table: Uint8Array): readonly SlotDescriptor[] {
  if (table.length % SLOT_DESCRIPTOR_SIZE !== 0) {
    throw new PspfError(
      "format/bad-slot",
      `Cannot read the slot table: ${table.length} bytes is no multiple of ${SLOT_DESCRIPTOR_SIZE}`,
      { context: { actual: table.length } },
    );
  }
  const count = table.length / SLOT_DESCRIPTOR_SIZE;
  return Array.from({ length: count }, (_, index) => {
    const at = index * SLOT_DESCRIPTOR_SIZE;
    return parseSlotDescriptor(table.subarray(at, at + SLOT_DESCRIPTOR_SIZE));
  });
}

/**
 * Chooses the `id` of a descriptor. It is the slot's index, except where the
 * existing Rust launcher would take the first bytes for JSON (`{`) or gzip.
 */
export function slotDescriptorId(index: number): bigint {
  const looksLikeJson = (index & 0xff) === 0x7b;
  const looksLikeGzip = (index & 0xffff) === 0x8b1f;
  return looksLikeJson || looksLikeGzip
    ? (1n << 32n) + BigInt(index) * 256n
    : BigInt(index);
}
