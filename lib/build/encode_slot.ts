import { writeTar } from "../archive/write_tar.ts";
import type { BlockCompressor } from "../compress/block_compressor.ts";
import { getCodec, isCompression } from "../compress/get_codec.ts";
import { Operation, type OperationCode } from "../format/operation.ts";
import { checkEncoded } from "./check_encoded.ts";
import type { OpenedSlot } from "./opened_slot.ts";

/** What encoding needs besides the slot. */
export interface EncodeSlotOptions {
  /** Compresses blocks. */
  readonly compressor: BlockCompressor;
  /** Modification time of archive entries, in seconds since 1970. */
  readonly mtime: number;
  /** Sees how many bytes of input were read. */
  readonly onInput: (length: number) => void;
  /** Stops the build. */
  readonly signal?: AbortSignal;
}

/** A slot on its way into the package. */
export interface EncodedSlot {
  /** The bytes to store. */
  readonly stored: AsyncIterable<Uint8Array>;
  /** Length without compression; known once all bytes were taken. */
  readonly originalSize: () => number;
  /** Whether the source had its form already. */
  readonly kept: boolean;
  /** Whether nobody else has a view of the memory of the bytes. */
  readonly isOwned: boolean;
}

const MAX_GZIP_LEVEL = 9;

/**
 * Encodes a slot as a stream: reading, archiving, compressing and whatever the
 * caller does with the bytes happen together, in bounded memory.
 *
 * @param slot The slot.
 * @param options Compression and progress.
 * @returns The bytes to store.
 * @throws {PspfError} while iterating: `build/source-changed`, `io/failed`,
 * `compress/unsupported`, `compress/corrupt`
 */
export function encodeSlot(
  slot: OpenedSlot,
  options: EncodeSlotOptions,
): EncodedSlot {
  const { input, operations } = slot;
  const codes = [...operations];
  if (input.kind === "directory") {
    const plain = archive(slot, options);
    return compress(plain, codes.slice(1), slot, options);
  }
  const { bytes, remaining } = input;
  const stream = bytes.stream(
    0,
    bytes.size,
    options.signal === undefined ? {} : { signal: options.signal },
  );
  const counted = observe(stream, options.onInput);
  if (remaining.length > 0 || codes.length === 0) {
    return compress(counted, remaining, slot, options);
  }
  let originalSize = 0;
  const stored = checkEncoded(counted, codes, bytes.name, (length) => {
    originalSize += length;
  });
  return {
    stored,
    originalSize: () => originalSize,
    kept: true,
    isOwned: false,
  };
}

function archive(
  slot: OpenedSlot,
  options: EncodeSlotOptions,
): AsyncIterable<Uint8Array> {
  const { input } = slot;
  if (input.kind !== "directory") throw new TypeError("not a directory");
  return writeTar(input.tree, input.list.members, {
    mtime: options.mtime,
    onFile: options.onInput,
    ...(options.signal === undefined ? {} : { signal: options.signal }),
  });
}

function compress(
  plain: AsyncIterable<Uint8Array>,
  codes: readonly OperationCode[],
  slot: OpenedSlot,
  options: EncodeSlotOptions,
): EncodedSlot {
  let originalSize = 0;
  const counted = observe(plain, (length) => originalSize += length);
  const stored = codes.filter(isCompression).reduce(
    (stream, code) =>
      stream.pipeThrough(
        getCodec(code).encode({
          compressor: options.compressor,
          ...levelFor(slot, code),
        }),
      ),
    ReadableStream.from(counted),
  );
  // An encoder's output is always new; plain bytes can be the source's own.
  const isOwned = codes.length > 0;
  return { stored, originalSize: () => originalSize, kept: false, isOwned };
}

/** One level serves both profiles, and gzip has fewer of them. */
function levelFor(slot: OpenedSlot, code: OperationCode): { level?: number } {
  const { level } = slot.plan;
  if (level === undefined) return {};
  return {
    level: code === Operation.GZIP ? Math.min(level, MAX_GZIP_LEVEL) : level,
  };
}

async function* observe(
  chunks: AsyncIterable<Uint8Array>,
  onChunk: (length: number) => void,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunks) {
    onChunk(chunk.length);
    yield chunk;
  }
}
