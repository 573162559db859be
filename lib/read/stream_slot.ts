import { getCodec, isCompression } from "../compress/get_codec.ts";
import { PspfError } from "../errors.ts";
import { Operation, type OperationCode } from "../format/operation.ts";
import type { OperationChain } from "../format/operation_chain.ts";
import { DigestCheck } from "./digest_check.ts";
import type { OpenedPackage } from "./open_package.ts";
import type { PackageSlot } from "./package_slot.ts";
import { checkSlotDigest } from "./slot_digest.ts";

/** Options of {@linkcode streamSlot}. */
export interface StreamSlotOptions {
  /**
   * Whether to give the stored bytes instead of the decoded ones.
   *
   * @default {false}
   */
  readonly raw?: boolean;
  /** Stops reading. */
  readonly signal?: AbortSignal;
  /** Gets the number of stored bytes that were read since the last call. */
  readonly onProgress?: (bytes: number) => void;
}

/**
 * Streams the content of a slot: decompressed, an archive as one tar stream.
 * The digest is checked along the way and judged at the end, so nothing must
 * be published before the stream has closed. What comes out is bounded by the
 * declared size, or by 200 times the input above 64 MiB where none can be
 * relied on.
 *
 * @param opened The package.
 * @param slot One of its slots.
 * @param options Raw bytes, abort signal and progress.
 * @returns The bytes; the stream errors with `verify/slot-digest`,
 * `compress/corrupt`, `compress/too-large` or `io/failed`.
 * @throws {PspfError} `format/bad-operations`, `compress/unsupported`
 */
export function streamSlot(
  opened: OpenedPackage,
  slot: PackageSlot,
  options: StreamSlotOptions = {},
): ReadableStream<Uint8Array> {
  const { raw = false, signal, onProgress } = options;
  // Before anything is opened, so that a refusal leaves nothing behind.
  const decoders = raw ? [] : openDecoders(slot);
  const stored = opened.source.stream(
    slot.offset,
    slot.size,
    signal === undefined ? {} : { signal },
  );
  const judge = opened.level === "none"
    ? (): void => {}
    : (digest: Uint8Array): void => checkSlotDigest(slot, digest);
  let bytes: ReadableStream<Uint8Array> = stored.pipeThrough(
    new DigestCheck(judge, onProgress),
  );
  for (const decoder of decoders) bytes = bytes.pipeThrough(decoder);
  return bytes;
}

/** Opens what undoes the compressions, the last one first. */
function openDecoders(
  slot: PackageSlot,
): readonly ReadableWritablePair<Uint8Array, Uint8Array>[] {
  const codes = compressionsOf(slot.operations);
  const name = `slot ${slot.index} ("${slot.id}")`;
  return codes.toReversed().map((code, position) => {
    const isLast = position === codes.length - 1;
    const isBounded = isLast && slot.contentSize !== undefined;
    return getCodec(code).decode({
      name,
      ...(isBounded ? { maxSize: slot.contentSize } : {}),
    });
  });
}

function compressionsOf(
  operations: OperationChain,
): readonly Exclude<
  OperationCode,
  typeof Operation.NONE | typeof Operation.TAR
>[] {
  const codes = [...operations];
  const compressions = codes.filter(isCompression);
  const isReadable =
    compressions.length === codes.length - (codes[0] === Operation.TAR ? 1 : 0);
  if (isReadable) return compressions;
  throw new PspfError(
    "format/bad-operations",
    `Cannot decode "${operations}": tar has to be the first operation`,
    {
      context: { operations: operations.toString() },
      hint: "Extract the stored bytes with --raw",
    },
  );
}
