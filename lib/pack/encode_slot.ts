import type { BlockCompressor } from "../compress/block_compressor.ts";
import { getCodec, isCompression } from "../compress/codec.ts";
import { encodeBlocks, type StoredBlock } from "../compress/encode_blocks.ts";
import { createSha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import { FRAME_UNIT, type FrameTable } from "../format/frames.ts";
import { Operation, OperationChain } from "../format/operations.ts";
import { BlockPool, cutBlocks } from "../io/block_pool.ts";
import type { BuildBlockCache } from "./block_cache.ts";
import { detectEncoding, DETECTION_SIZE } from "./choose_operations.ts";
import type { SlotSource } from "./slot_source.ts";

/** What encoding needs besides the slot. */
export interface EncodeSlotOptions {
  /** Encodes blocks. */
  readonly compressor: BlockCompressor;
  /** Keeps encoded blocks for the next build. */
  readonly cache: BuildBlockCache | undefined;
  /** Modification time of archive entries, in seconds since 1970. */
  readonly mtime: number;
  /** Sees how many bytes of input were read. */
  readonly onInput: (length: number) => void;
  /** Stops the build. */
  readonly signal: AbortSignal | undefined;
}

/** What is known of a slot once all of its bytes were stored. */
export interface EncodedSlot {
  /** What it was made of. */
  readonly source: SlotSource;
  /** The chain that the stored bytes have. */
  readonly operations: OperationChain;
  /** Stored length in bytes. */
  readonly size: number;
  /** Length without compression in bytes. */
  readonly originalSize: number;
  /** SHA-256 of the stored bytes. */
  readonly digest: Uint8Array;
  /** Where its frames are, if it has more than one. */
  readonly frames: FrameTable | undefined;
  /** Whether all of it came out of the cache of earlier builds. */
  readonly isCached: boolean;
}

/** The bytes of a slot, and in the end what is known of them. */
export type SlotStream = AsyncGenerator<Uint8Array, EncodedSlot, undefined>;

/**
 * The existing Go launcher looks for magic bytes in the first 16 of a slot and
 * fails when there are fewer. A gzip file has 20 even when there is nothing in
 * it.
 */
const MIN_STORED_SIZE = 16;

/** Only what is smaller than this can end up below {@linkcode MIN_STORED_SIZE}. */
const MAX_BUFFERED_SIZE = 64 * 1024;

/**
 * Encodes a slot as a stream: reading, archiving, compressing and whatever the
 * caller does with the bytes happen together, in bounded memory. A chunk is the
 * caller's until the next one is asked for.
 */
export async function* encodeSlot(
  source: SlotSource,
  options: EncodeSlotOptions,
): SlotStream {
  const { operations, isKept } = source;
  const canBeTooSmall = source.size < MAX_BUFFERED_SIZE &&
    !operations.isArchive && !isKept;
  if (!canBeTooSmall) return yield* encodeAs(source, options);
  const stream = encodeAs(source, options);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for (let step = await stream.next();; step = await stream.next()) {
    if (step.done) {
      return yield* encodeAs({
        ...source,
        operations: new OperationChain([Operation.GZIP]),
        compressions: [Operation.GZIP],
        isFramed: false,
      }, options);
    }
    chunks.push(step.value.slice());
    size += step.value.length;
    if (size < MIN_STORED_SIZE) continue;
    yield* chunks;
    return yield* stream;
  }
}

async function* encodeAs(
  source: SlotSource,
  options: EncodeSlotOptions,
): SlotStream {
  const hash = createSha256();
  const table = source.isFramed ? new FrameTableBuilder() : undefined;
  const cacheUse = options.cache?.observe();
  let size = 0;
  let originalSize = 0;
  const encoded = source.isKept
    ? keepEncoded(source, options, (length) => originalSize += length)
    : compress(source, options, (length) => originalSize += length);
  for await (const block of encoded) {
    options.signal?.throwIfAborted();
    const { bytes } = block;
    const hashed = hash.update(bytes);
    if (hashed !== undefined) await hashed;
    table?.add(block);
    size += bytes.length;
    if (bytes.length > 0) yield bytes;
  }
  return {
    source,
    operations: source.operations,
    size,
    originalSize,
    digest: await hash.digest(),
    frames: table?.finish(),
    isCached: cacheUse?.allFound() ?? false,
  };
}

function compress(
  source: SlotSource,
  options: EncodeSlotOptions,
  onPlain: (length: number) => void,
): AsyncGenerator<StoredBlock, void, undefined> {
  const { compressor, cache, mtime, onInput, signal } = options;
  const { level } = source.spec;
  let pool = new BlockPool(source.blockSize);
  async function* content(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const blocks = source.content({ pool, mtime, onInput, signal });
    for await (const block of blocks) {
      onPlain(block.length);
      yield block;
    }
  }
  const [first, ...others] = source.compressions;
  if (first === undefined) {
    return encodeBlocks(content(), {
      kind: "store",
      level: 0,
      pool,
      compressor,
    });
  }
  const levelOf = (code: typeof first): number | undefined =>
    // One level serves every compression, and some have fewer of them.
    level === undefined ? undefined : Math.min(level, getCodec(code).maxLevel);
  const start = getCodec(first).encodeBlocks(content(), {
    level: levelOf(first),
    compressor,
    cache,
    pool,
  });
  return others.reduce((blocks, code) => {
    pool = new BlockPool(FRAME_UNIT);
    return getCodec(code).encodeBlocks(
      cutBlocks(bytesOf(blocks), FRAME_UNIT, pool),
      { level: levelOf(code), compressor, cache, pool },
    );
  }, start);
}

async function* bytesOf(
  blocks: AsyncIterable<StoredBlock>,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const { bytes } of blocks) yield bytes;
}

/** Collects where the frames of a slot are. */
class FrameTableBuilder {
  readonly #stored: number[] = [];
  readonly #content: number[] = [];
  readonly #digests: number[] = [];

  add({ bytes, contentSize, digest }: StoredBlock): void {
    this.#stored.push(bytes.length);
    this.#content.push(contentSize);
    this.#digests.push(...digest);
  }

  /** One frame needs no table: the slot's own digest says as much. */
  finish(): FrameTable | undefined {
    if (this.#stored.length < 2) return undefined;
    return {
      stored: this.#stored,
      content: this.#content,
      digests: Uint8Array.from(this.#digests),
    };
  }
}

/**
 * Passes on bytes that are encoded already, and decodes them on the way: a file
 * that only begins like its label says would fail at every start.
 */
async function* keepEncoded(
  source: SlotSource,
  { mtime, onInput, signal }: EncodeSlotOptions,
  onPlain: (length: number) => void,
): AsyncGenerator<StoredBlock, void, undefined> {
  const pool = new BlockPool(source.blockSize);
  const name = source.spec.source;
  const codes = [...source.operations];
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  // The file is the user's own, and nothing of it is kept: no limit is needed.
  const limits = { name, maxSize: Number.MAX_SAFE_INTEGER };
  const plain = codes.filter(isCompression).reduceRight(
    (stream, code) => stream.pipeThrough(getCodec(code).decode(limits)),
    readable,
  );
  const checked = drain(plain, codes[0] === Operation.TAR, name, onPlain);
  // Met below, after the last byte or when a write fails because of it.
  checked.catch(() => {});
  const writer = writable.getWriter();
  try {
    for await (
      const block of source.content({ pool, mtime, onInput, signal })
    ) {
      await writer.write(block);
      yield { bytes: block, digest: new Uint8Array(), contentSize: 0 };
    }
    await writer.close();
  } catch (error) {
    // A failed decoder only closes its input; the reason is with its output.
    await writer.abort(error).catch(() => {});
    await checked;
    throw error;
  } finally {
    await writer.abort().catch(() => {});
  }
  await checked;
}

async function drain(
  plain: ReadableStream<Uint8Array>,
  isArchive: boolean,
  name: string,
  onPlain: (length: number) => void,
): Promise<void> {
  const head = new Uint8Array(DETECTION_SIZE);
  let filled = 0;
  for await (const chunk of plain) {
    onPlain(chunk.length);
    const part = chunk.subarray(0, DETECTION_SIZE - filled);
    head.set(part, filled);
    filled += part.length;
  }
  if (!isArchive || detectEncoding(head).isTar) return;
  throw new PspfError(
    "build/failed",
    `Cannot pack "${name}": it is labelled as an archive, but there is no tar inside`,
    {
      context: { file: name },
      hint: "Use an operation without tar, or give a real archive",
    },
  );
}
