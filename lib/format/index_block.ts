import { adler32 } from "../bytes/adler32.ts";
import {
  FORMAT_VERSION,
  INDEX_BLOCK_SIZE,
  MARKER_SIZE,
  PUBLIC_KEY_SIZE,
  SHA256_SIZE,
  SIGNATURE_SIZE,
  SLOT_DESCRIPTOR_SIZE,
  START_MARKER,
} from "./constants.ts";
import { SEAL_OFFSET, SEAL_SIZE } from "./seal.ts";

/** Byte offsets inside the index block. */
const AT = {
  formatVersion: 0,
  checksum: 4,
  packageSize: 8,
  launcherSize: 16,
  metadataOffset: 24,
  metadataSize: 32,
  slotTableOffset: 40,
  slotTableSize: 48,
  slotCount: 56,
  flags: 60,
  publicKey: 64,
  metadataDigest: 96,
  signature: 128,
  accessMode: 640,
  cacheStrategy: 641,
  pageSize: 644,
  maxMemory: 648,
  minMemory: 656,
  streamChunkSize: 688,
  buildTimestamp: 704,
  capabilities: 832,
  compatibility: 856,
  protocolVersion: 860,
  tailMarker: 8188,
} as const;

/** Hints that no reader acts on; the values that most packages carry. */
const HINTS = {
  accessMode: 2,
  cacheStrategy: 1,
  pageSize: 4096,
  maxMemory: 128n * 1024n * 1024n,
  minMemory: 8n * 1024n * 1024n,
  streamChunkSize: 65_536,
  protocolVersion: 1,
} as const;

/** Can be mapped into memory; is signed. */
const CAPABILITIES = 0x81n;

/** The index block as stored; nothing in it has been checked yet. */
export interface IndexBlock {
  /** {@linkcode FORMAT_VERSION} in every known package. */
  readonly formatVersion: number;
  /** Adler-32 of the block with this field zeroed. */
  readonly checksum: number;
  /** Length of the whole file in bytes. */
  readonly packageSize: bigint;
  /** Length of the launcher in bytes. */
  readonly launcherSize: bigint;
  /** Where the compressed metadata starts. */
  readonly metadataOffset: bigint;
  /** Length of the compressed metadata in bytes. */
  readonly metadataSize: bigint;
  /** Where the slot table starts. */
  readonly slotTableOffset: bigint;
  /** Length of the slot table in bytes. */
  readonly slotTableSize: bigint;
  /** Number of slots. */
  readonly slotCount: number;
  /** Always 0 so far. */
  readonly flags: number;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the compressed metadata, 32 bytes. */
  readonly metadataDigest: Uint8Array;
  /** Ed25519 signature of the uncompressed metadata, 64 bytes. */
  readonly signature: Uint8Array;
  /** Capability bits; bit 1 says that slots are page-aligned. */
  readonly capabilities: bigint;
  /** Unix time of the build in seconds, or 0. */
  readonly buildTimestamp: bigint;
}

/** What {@linkcode encodeIndexBlock} needs. */
export interface IndexBlockInit {
  /** Length of the whole file in bytes. */
  readonly packageSize: number;
  /** Length of the launcher in bytes. */
  readonly launcherSize: number;
  /** Where the compressed metadata starts. */
  readonly metadataOffset: number;
  /** Length of the compressed metadata in bytes. */
  readonly metadataSize: number;
  /** Where the slot table starts. */
  readonly slotTableOffset: number;
  /** Number of slots. */
  readonly slotCount: number;
  /** Raw Ed25519 public key, 32 bytes. */
  readonly publicKey: Uint8Array;
  /** SHA-256 of the compressed metadata, 32 bytes. */
  readonly metadataDigest: Uint8Array;
  /** Ed25519 signature of the uncompressed metadata, 64 bytes. */
  readonly signature: Uint8Array;
  /**
   * Unix time of the build in seconds.
   *
   * @default {0}
   */
  readonly buildTimestamp?: number;
  /** The seal, 512 bytes from {@linkcode encodeSeal}; none when absent. */
  readonly seal?: Uint8Array;
  /**
   * Whether the last four bytes repeat the start marker, which the existing Go
   * launcher's `verify` and `info` commands look for.
   *
   * @default {true}
   */
  readonly tailMarker?: boolean;
}

/**
 * Reads the fields of an index block.
 *
 * @param block Exactly 8192 bytes; not copied.
 * @returns The fields as stored, unchecked.
 * @throws {RangeError} When the length differs.
 *
 * @example Read back what was encoded
 * ```ts
 * import { encodeIndexBlock } from "./index_block.ts";
import { parseIndexBlock } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const block = encodeIndexBlock({
 *   packageSize: 9450,
 *   launcherSize: 24,
 *   metadataOffset: 24,
 *   metadataSize: 817,
 *   slotTableOffset: 848,
 *   slotCount: 3,
 *   publicKey: new Uint8Array(32),
 *   metadataDigest: new Uint8Array(32),
 *   signature: new Uint8Array(64),
 * });
 * assertEquals(parseIndexBlock(block).slotTableSize, 192n);
 * ```
 */
export function parseIndexBlock(block: Uint8Array): IndexBlock {
  expectLength(block, INDEX_BLOCK_SIZE, "index block");
  const view = viewOf(block);
  const u32 = (at: number): number => view.getUint32(at, true);
  const u64 = (at: number): bigint => view.getBigUint64(at, true);
  const bytes = (at: number, size: number): Uint8Array =>
    block.subarray(at, at + size);
  return {
    formatVersion: u32(AT.formatVersion),
    checksum: u32(AT.checksum),
    packageSize: u64(AT.packageSize),
    launcherSize: u64(AT.launcherSize),
    metadataOffset: u64(AT.metadataOffset),
    metadataSize: u64(AT.metadataSize),
    slotTableOffset: u64(AT.slotTableOffset),
    slotTableSize: u64(AT.slotTableSize),
    slotCount: u32(AT.slotCount),
    flags: u32(AT.flags),
    publicKey: bytes(AT.publicKey, PUBLIC_KEY_SIZE),
    metadataDigest: bytes(AT.metadataDigest, SHA256_SIZE),
    signature: bytes(AT.signature, SIGNATURE_SIZE),
    capabilities: u64(AT.capabilities),
    buildTimestamp: u64(AT.buildTimestamp),
  };
}

/** Encodes an index block, its checksum included. */
export function encodeIndexBlock(
  init: IndexBlockInit,
): Uint8Array<ArrayBuffer> {
  const { buildTimestamp = 0, tailMarker = true } = init;
  expectLength(init.publicKey, PUBLIC_KEY_SIZE, "public key");
  expectLength(init.metadataDigest, SHA256_SIZE, "metadata digest");
  expectLength(init.signature, SIGNATURE_SIZE, "signature");
  const block = new Uint8Array(INDEX_BLOCK_SIZE);
  const view = viewOf(block);
  const u32 = (at: number, value: number): void =>
    view.setUint32(at, value, true);
  const u64 = (at: number, value: number | bigint): void =>
    view.setBigUint64(at, BigInt(value), true);
  u32(AT.formatVersion, FORMAT_VERSION);
  u64(AT.packageSize, init.packageSize);
  u64(AT.launcherSize, init.launcherSize);
  u64(AT.metadataOffset, init.metadataOffset);
  u64(AT.metadataSize, init.metadataSize);
  u64(AT.slotTableOffset, init.slotTableOffset);
  u64(AT.slotTableSize, init.slotCount * SLOT_DESCRIPTOR_SIZE);
  u32(AT.slotCount, init.slotCount);
  block.set(init.publicKey, AT.publicKey);
  block.set(init.metadataDigest, AT.metadataDigest);
  block.set(init.signature, AT.signature);
  block[AT.accessMode] = HINTS.accessMode;
  block[AT.cacheStrategy] = HINTS.cacheStrategy;
  u32(AT.pageSize, HINTS.pageSize);
  u64(AT.maxMemory, HINTS.maxMemory);
  u64(AT.minMemory, HINTS.minMemory);
  u32(AT.streamChunkSize, HINTS.streamChunkSize);
  u64(AT.buildTimestamp, buildTimestamp);
  u64(AT.capabilities, CAPABILITIES);
  u32(AT.compatibility, FORMAT_VERSION);
  u32(AT.protocolVersion, HINTS.protocolVersion);
  if (init.seal !== undefined) {
    expectLength(init.seal, SEAL_SIZE, "seal");
    block.set(init.seal, SEAL_OFFSET);
  }
  if (tailMarker) u32(AT.tailMarker, START_MARKER);
  writeIndexChecksum(block);
  return block;
}

/** Computes the checksum that an index block should carry. */
export function indexChecksum(block: Uint8Array): number {
  return checksumWithout(block, AT.checksum);
}

/**
 * Computes the checksum that the existing Go builder writes: it zeroes the
 * upper half of the package size instead of the checksum field, which differs
 * from {@linkcode indexChecksum} for packages of 4 GiB and more.
 */
export function goIndexChecksum(block: Uint8Array): number {
  const copy = block.slice();
  copy.fill(0, AT.packageSize + 4, AT.packageSize + 8);
  return indexChecksum(copy);
}

/** Stores the right checksum in an index block. */
export function writeIndexChecksum(block: Uint8Array): void {
  viewOf(block).setUint32(AT.checksum, indexChecksum(block), true);
}

function checksumWithout(block: Uint8Array, at: number): number {
  const zeros = new Uint8Array(MARKER_SIZE);
  const head = adler32(block.subarray(0, at));
  return adler32(block.subarray(at + 4), adler32(zeros, head));
}

function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function expectLength(bytes: Uint8Array, size: number, what: string): void {
  if (bytes.length !== size) {
    throw new RangeError(
      `Cannot encode the ${what}: ${bytes.length} bytes, expected ${size}`,
    );
  }
}
