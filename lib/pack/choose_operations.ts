import { startsWith } from "@std/bytes/starts-with";
import { USTAR_MAGIC, USTAR_OFFSET } from "../archive/tar_header.ts";
import { type CompressionCode, isCompression } from "../compress/codec.ts";
import { PspfError } from "../errors.ts";
import {
  Operation,
  OperationChain,
  type OperationCode,
} from "../format/operations.ts";
import type { SlotSpec } from "../manifest/build_plan.ts";

/** Bytes that {@linkcode detectEncoding} wants to see. */
export const DETECTION_SIZE = 512;

const MAGICS: readonly (readonly [
  code: OperationCode | "archive",
  magic: Uint8Array,
])[] = [
  [Operation.GZIP, Uint8Array.of(0x1f, 0x8b, 0x08)],
  [Operation.ZSTD, Uint8Array.of(0x28, 0xb5, 0x2f, 0xfd)],
  [Operation.XZ, Uint8Array.of(0xfd, 0x37, 0x7a, 0x58, 0x5a, 0x00)],
  // "BZh", a level, and the magic of the first block; the level is not looked at.
  [Operation.BZIP2, Uint8Array.of(0x42, 0x5a, 0x68)],
  // zip: jar, wheel, apk
  ["archive", Uint8Array.of(0x50, 0x4b, 0x03, 0x04)],
];

/** What the first bytes of a file say about it. */
export interface DetectedEncoding {
  /** The compression that it has, if it is one of the format's operations. */
  readonly compression: OperationCode | undefined;
  /** Whether it is compressed in any way, so that doing it again is a waste. */
  readonly isCompressed: boolean;
  /** Whether it is a plain tar archive. */
  readonly isTar: boolean;
}

/** Looks at the first bytes of a file for a compression or an archive. */
export function detectEncoding(head: Uint8Array): DetectedEncoding {
  const found = MAGICS.find(([, magic]) => startsWith(head, magic))?.[0];
  return {
    compression: found === "archive" ? undefined : found,
    isCompressed: found !== undefined,
    isTar: startsWith(head.subarray(USTAR_OFFSET), USTAR_MAGIC),
  };
}

/** What is done to a source. */
export interface OperationChoice {
  /** The chain that the slot is labelled with. */
  readonly operations: OperationChain;
  /** Compressions that are still to be done; the others are done already. */
  readonly compressions: readonly CompressionCode[];
  /** Whether the source has the form of its label already. */
  readonly isKept: boolean;
}

/** Below this size compression gains nothing that anybody would notice. */
const RAW_SIZE = 4096;

/** Chooses what is done to a directory: a chain that begins with tar. */
export function chooseForDirectory(
  spec: SlotSpec,
  index: number,
  portable: boolean,
): OperationChoice {
  const operations = spec.operations ??
    new OperationChain([Operation.TAR, compressionFor(portable)]);
  checkShape(operations, spec, index);
  if (!operations.isArchive) {
    throw wrongOperations(
      spec,
      index,
      `"${spec.source}" is a directory, and "${operations}" does not begin with tar`,
      'Use "tar", "tar.gz" or "tar.zst", or leave operations out',
    );
  }
  const compressions = [...operations].filter(isCompression);
  return { operations, compressions, isKept: false };
}

/** What the choice for a file depends on. */
export interface FileChoiceFacts {
  readonly index: number;
  readonly portable: boolean;
  readonly size: number;
  readonly encoding: DetectedEncoding;
}

/**
 * Chooses what is done to a file. A chain describes the stored bytes, so a file
 * that has its last form already is kept as it is.
 */
export function chooseForFile(
  spec: SlotSpec,
  { index, portable, size, encoding }: FileChoiceFacts,
): OperationChoice {
  if (spec.operations === undefined) {
    const isRaw = size <= RAW_SIZE || encoding.isCompressed;
    const compressions = isRaw ? [] : [compressionFor(portable)];
    const operations = new OperationChain(compressions);
    return { operations, compressions, isKept: false };
  }
  const operations = spec.operations;
  checkShape(operations, spec, index);
  const codes = [...operations];
  const isTarLabel = codes.length === 1 && operations.isArchive;
  const isKept = codes.length > 0 &&
    (codes.at(-1) === encoding.compression || (isTarLabel && encoding.isTar));
  if (operations.isArchive && !isKept && !encoding.isTar) {
    throw wrongOperations(
      spec,
      index,
      `"${spec.source}" is neither a tar archive nor one that is encoded as "${operations}"`,
      "Give a directory or an archive, or an operation without tar",
    );
  }
  return {
    operations,
    compressions: isKept ? [] : codes.filter(isCompression),
    isKept,
  };
}

function compressionFor(portable: boolean): CompressionCode {
  return portable ? Operation.GZIP : Operation.ZSTD;
}

/** An archive is made of files, so tar can only be the first operation. */
function checkShape(
  chain: OperationChain,
  spec: SlotSpec,
  index: number,
): void {
  if ([...chain].lastIndexOf(Operation.TAR) <= 0) return;
  throw wrongOperations(
    spec,
    index,
    `"${chain}" has tar after another operation`,
    'Write "tar" first, like "tar.gz"',
  );
}

function wrongOperations(
  spec: SlotSpec,
  index: number,
  what: string,
  hint: string,
): PspfError {
  const path = `slots[${index}].operations`;
  return new PspfError(
    "manifest/invalid",
    `Cannot build slot "${spec.id}": ${what}`,
    {
      context: { slot: spec.id, problems: [{ path, message: what }] },
      hint,
    },
  );
}
