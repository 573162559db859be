import { PspfError } from "../errors.ts";
import { INDEX_BLOCK_SIZE, SHA256_SIZE, SIGNATURE_SIZE } from "./constants.ts";

/** Where the seal stands in the index block (`future_crypto`). */
export const SEAL_OFFSET = 864;

/** Bytes of the seal. */
export const SEAL_SIZE = 512;

const MAGIC = "PSPFSEAL";
const VERSION = 1;
const ALGORITHM_ED25519 = 1;
const MESSAGE_PREFIX = "PSPF-SEAL-1\0";

/** Byte offsets inside the seal. */
const AT = {
  version: 8,
  algorithm: 10,
  reserved: 12,
  launcherDigest: 16,
  slotTableDigest: 48,
  gap: 80,
  signature: 112,
  rest: 176,
} as const;

/**
 * What binds a package as a whole: the metadata signature leaves out the index
 * block, the slot table and the launcher, and the seal signs exactly those.
 */
export interface Seal {
  /** SHA-256 of the launcher, 32 bytes. */
  readonly launcherDigest: Uint8Array;
  /** SHA-256 of the slot table, 32 bytes. */
  readonly slotTableDigest: Uint8Array;
  /** Ed25519 signature of {@linkcode sealMessage}, 64 bytes. */
  readonly signature: Uint8Array;
}

/** Encodes a seal; without a signature the place for it stays zero. */
export function encodeSeal(
  seal: Omit<Seal, "signature"> & Partial<Pick<Seal, "signature">>,
): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(SEAL_SIZE);
  const view = new DataView(bytes.buffer);
  bytes.set(new TextEncoder().encode(MAGIC));
  view.setUint16(AT.version, VERSION, true);
  view.setUint16(AT.algorithm, ALGORITHM_ED25519, true);
  bytes.set(seal.launcherDigest, AT.launcherDigest);
  bytes.set(seal.slotTableDigest, AT.slotTableDigest);
  if (seal.signature !== undefined) bytes.set(seal.signature, AT.signature);
  return bytes;
}

/** Whether an index block carries something that begins like a seal. */
export function hasSeal(block: Uint8Array): boolean {
  const magic = block.subarray(SEAL_OFFSET, SEAL_OFFSET + MAGIC.length);
  return String.fromCharCode(...magic) === MAGIC;
}

/**
 * Reads the seal of an index block.
 *
 * @param block 8192 bytes; not copied.
 * @returns The seal, or `undefined` when there is none; other content of the
 * field belongs to someone else and counts as none.
 * @throws {PspfError} `format/bad-seal` when it starts like a seal and is not
 * one of version 1.
 *
 * @example A block without a seal
 * ```ts
 * import { parseSeal } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseSeal(new Uint8Array(8192)), undefined);
 * ```
 */
export function parseSeal(block: Uint8Array): Seal | undefined {
  if (!hasSeal(block)) return undefined;
  const bytes = block.subarray(SEAL_OFFSET, SEAL_OFFSET + SEAL_SIZE);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  expectField("version", view.getUint16(AT.version, true), VERSION);
  const algorithm = view.getUint16(AT.algorithm, true);
  expectField("algorithm", algorithm, ALGORITHM_ED25519);
  expectZero(bytes, AT.reserved, AT.launcherDigest);
  expectZero(bytes, AT.gap, AT.signature);
  expectZero(bytes, AT.rest, SEAL_SIZE);
  const part = (at: number, size: number): Uint8Array =>
    bytes.subarray(at, at + size);
  return {
    launcherDigest: part(AT.launcherDigest, SHA256_SIZE),
    slotTableDigest: part(AT.slotTableDigest, SHA256_SIZE),
    signature: part(AT.signature, SIGNATURE_SIZE),
  };
}

/**
 * Builds the message that the seal signs: a prefix and the whole index block
 * without its checksum and without the signature itself.
 *
 * @param block 8192 bytes with an encoded seal, left unchanged.
 * @returns 8204 bytes.
 *
 * @example The message does not depend on the checksum
 * ```ts
 * import { sealMessage } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const changed = new Uint8Array(8192).fill(9, 4, 8);
 * assertEquals(sealMessage(changed), sealMessage(new Uint8Array(8192)));
 * ```
 */
export function sealMessage(block: Uint8Array): Uint8Array<ArrayBuffer> {
  const message = new Uint8Array(MESSAGE_PREFIX.length + INDEX_BLOCK_SIZE);
  message.set(new TextEncoder().encode(MESSAGE_PREFIX));
  message.set(block, MESSAGE_PREFIX.length);
  const signed = message.subarray(MESSAGE_PREFIX.length);
  signed.fill(0, 4, 8);
  const signature = SEAL_OFFSET + AT.signature;
  signed.fill(0, signature, signature + SIGNATURE_SIZE);
  return message;
}

/**
 * Puts the seal's signature into an index block. The checksum has to be
 * written again afterwards, see {@linkcode writeIndexChecksum}.
 */
export function writeSealSignature(
  block: Uint8Array,
  signature: Uint8Array,
): void {
  block.set(signature.subarray(0, SIGNATURE_SIZE), SEAL_OFFSET + AT.signature);
}

function expectField(what: string, actual: number, expected: number): void {
  if (actual === expected) return;
  throw new PspfError(
    "format/bad-seal",
    `Cannot read the seal: ${what} is ${actual}, expected ${expected}`,
    {
      context: { what, actual, expected },
      hint: "A newer flavor may be able to read this package",
    },
  );
}

function expectZero(bytes: Uint8Array, from: number, to: number): void {
  const at = bytes.subarray(from, to).findIndex((byte) => byte !== 0);
  if (at < 0) return;
  const offset = SEAL_OFFSET + from + at;
  throw new PspfError(
    "format/bad-seal",
    `Cannot read the seal: index byte ${offset} is reserved and not zero`,
    {
      context: {
        index_offset: offset,
        actual: bytes[from + at] ?? 0,
        expected: 0,
      },
    },
  );
}
