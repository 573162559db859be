import { writeTar } from "../archive/write_tar.ts";
import type { BlockCompressor } from "../compress/block_compressor.ts";
import { BlockPool } from "../compress/block_pool.ts";
import {
  type CompressionCode,
  getCodec,
  isCompression,
} from "../compress/get_codec.ts";
import { Operation, type OperationCode } from "../format/operation.ts";
import { checkEncoded } from "./check_encoded.ts";
import type { OpenedSlot } from "./opened_slot.ts";
import { readSource } from "./read_source.ts";

/** What encoding needs besides the slot. */
export interface EncodeSlotOptions {
  /** Compresses blocks. */
  readonly compressor: BlockCompressor;
  /** Modification time of archive entries, in seconds since 1970. */
  readonly mtime: number;
  /** Sees how many bytes of input were read. */
  readonly onInput: (length: number) => void;
  /** Sees every chunk before it is compressed. */
  readonly onPlain?: (chunk: Uint8Array) => void | Promise<void>;
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
  const plain = openPlain(slot, options);
  if (plain !== undefined) return compress(plain, slot, options);
  const { input, operations } = slot;
  if (input.kind === "directory") throw new TypeError("not a file");
  const counted = observe(readSource(input.bytes, options), options.onInput);
  let originalSize = 0;
  const stored = checkEncoded(
    counted,
    [...operations],
    input.bytes.name,
    (length) => {
      originalSize += length;
    },
  );
  return {
    stored,
    originalSize: () => originalSize,
    kept: true,
    isOwned: false,
  };
}

/** The content of a slot as it is before compression. */
export interface PlainSlot {
  /** The bytes: an archive, or a file. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** Compressions that are still to be done. */
  readonly codes: readonly CompressionCode[];
  /** Owns the memory of the bytes; absent where nothing compresses them. */
  readonly pool?: BlockPool;
}

/**
 * Reads the content of a slot, archived but not compressed.
 *
 * @param slot The slot.
 * @param options Time of archive entries, and progress.
 * @returns The content, or `undefined` when its source has its form already.
 */
export function openPlain(
  slot: OpenedSlot,
  options: Pick<EncodeSlotOptions, "mtime" | "onInput" | "signal">,
): PlainSlot | undefined {
  const { input, operations } = slot;
  if (input.kind === "directory") {
    const codes = [...operations].filter(isCompression);
    const pool = poolFor(codes);
    const bytes = writeTar(input.tree, input.list.members, {
      mtime: options.mtime,
      onFile: options.onInput,
      ...(pool === undefined ? {} : { memory: pool }),
      ...(options.signal === undefined ? {} : { signal: options.signal }),
    });
    return { bytes, codes, ...(pool === undefined ? {} : { pool }) };
  }
  const { bytes, remaining } = input;
  if (remaining.length === 0 && operations.length > 0) return undefined;
  const codes = remaining.filter(isCompression);
  const pool = poolFor(codes);
  const memory = pool === undefined ? {} : { pool };
  return {
    bytes: observe(
      readSource(bytes, { ...options, ...memory }),
      options.onInput,
    ),
    codes,
    ...memory,
  };
}

function poolFor(codes: readonly CompressionCode[]): BlockPool | undefined {
  const [first] = codes;
  return first === undefined
    ? undefined
    : new BlockPool(getCodec(first).blockSize);
}

function compress(
  plain: PlainSlot,
  slot: OpenedSlot,
  options: EncodeSlotOptions,
): EncodedSlot {
  let originalSize = 0;
  async function* observed(): AsyncGenerator<Uint8Array, void, undefined> {
    for await (const chunk of plain.bytes) {
      originalSize += chunk.length;
      const seen = options.onPlain?.(chunk);
      if (seen !== undefined) await seen;
      yield chunk;
    }
  }
  const { pool } = plain;
  const stored = plain.codes.reduce<AsyncIterable<Uint8Array>>(
    (bytes, code, at) =>
      getCodec(code).encodeChunks(bytes, {
        compressor: options.compressor,
        ...(at > 0 || pool === undefined ? {} : { pool }),
        ...levelFor(slot, code),
      }),
    observed(),
  );
  // An encoder's output is always new; plain bytes can be the source's own.
  const isOwned = plain.codes.length > 0;
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
