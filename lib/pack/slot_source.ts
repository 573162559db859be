import { frameRuleFor, writeTar } from "../archive/write_tar.ts";
import { listMembers } from "../archive/list_members.ts";
import { packedMode } from "../archive/mode_rule.ts";
import type { CompressionCode } from "../compress/codec.ts";
import { PspfError } from "../errors.ts";
import { fileFrameUnit, FRAME_UNIT, isFramed } from "../format/frames.ts";
import type { OperationChain } from "../format/operations.ts";
import { type BlockPool, cutBlocks } from "../io/block_pool.ts";
import type { FileTree } from "../io/file_tree.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { streamFrom } from "../io/stream_from.ts";
import type { SlotSpec } from "../manifest/build_plan.ts";
import {
  chooseForDirectory,
  chooseForFile,
  type DetectedEncoding,
  detectEncoding,
  DETECTION_SIZE,
} from "./choose_operations.ts";
import { checkPortableFile, checkPortableOperations } from "./portable.ts";

/** What the source of a slot turned out to be. */
export type FoundSource =
  | {
    readonly kind: "file";
    /** Permission bits, at most 0o777. */
    readonly mode: number;
    /** Opens the content; called twice, and closed each time. */
    open(): Promise<RandomAccessSource>;
  }
  | {
    readonly kind: "stream";
    /** The content, which nobody has read yet. */
    readonly stream: ReadableStream<Uint8Array>;
  }
  | {
    readonly kind: "directory";
    /** The content. */
    readonly tree: FileTree;
  };

/** Finds the source of a slot on some host. */
export type SourceOpener = (spec: SlotSpec) => Promise<FoundSource>;

/** What reading a slot needs. */
export interface ContentOptions {
  /** Memory for blocks of {@linkcode SlotSource.blockSize}. */
  readonly pool: BlockPool;
  /** Modification time of archive entries, in seconds since 1970. */
  readonly mtime: number;
  /** Sees how many bytes of input were read. */
  readonly onInput: (length: number) => void;
  /** Stops the build. */
  readonly signal: AbortSignal | undefined;
}

/**
 * A slot whose source was found, and of which everything is settled but bytes.
 *
 * @internal
 */
export interface SlotSource {
  /** What the manifest or builder says. */
  readonly spec: SlotSpec;
  /** Position in the package. */
  readonly index: number;
  /** The chain that the slot is labelled with. */
  readonly operations: OperationChain;
  /** Compressions that are left to do. */
  readonly compressions: readonly CompressionCode[];
  /** Whether the source has the form of its label already. */
  readonly isKept: boolean;
  /** Whether its content is cut into frames that the metadata names. */
  readonly isFramed: boolean;
  /** Target in the metadata. */
  readonly target: string;
  /** Permission bits in the metadata. */
  readonly permissions: number;
  /** Bytes that will be read, as far as they are known. */
  readonly size: number;
  /** Number of files, links not counted. */
  readonly files: number;
  /** Most bytes of a block of content. */
  readonly blockSize: number;
  /** Its content before compression, in blocks that are frames. */
  content(
    options: ContentOptions,
  ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined>;
}

/** What opening a slot depends on. */
export interface OpenSlotOptions {
  /** Position in the manifest, for messages. */
  readonly index: number;
  /** Whether existing launchers have to undo its operations. */
  readonly portable: boolean;
  /** Takes what is odd, but not wrong. */
  readonly warn: (message: string) => void;
  /** Stops the listing. */
  readonly signal: AbortSignal | undefined;
}

const WORKENV = "{workenv}";

/** Mode that archives are labelled with; their members have their own. */
const ARCHIVE_PERMISSIONS = 0o600;

/** A stream is looked at this far, which decides whether it is compressed. */
const PEEK_SIZE = 8192;

/**
 * Settles everything about a slot that can be known without reading all of it,
 * so that a build with a mistake fails before it starts. No file stays open.
 */
export async function openSlot(
  spec: SlotSpec,
  found: FoundSource,
  options: OpenSlotOptions,
): Promise<SlotSource> {
  switch (found.kind) {
    case "directory":
      return await openDirectory(spec, found.tree, options);
    case "stream":
      return await openStream(spec, found.stream, options);
    case "file": {
      await using file = await found.open();
      const head = await file.read(
        0,
        Math.min(file.size, DETECTION_SIZE),
        options,
      );
      const { name, size } = file;
      return describeFile(spec, { mode: found.mode, size, head }, {
        blockSize: fileFrameUnit(size),
        content: (content) => readFile(found.open, { name, size }, content),
      }, options);
    }
  }
}

async function openDirectory(
  spec: SlotSpec,
  tree: FileTree,
  { index, portable, warn, signal }: OpenSlotOptions,
): Promise<SlotSource> {
  const { operations, compressions } = chooseForDirectory(
    spec,
    index,
    portable,
  );
  if (portable) checkPortableOperations(spec, index, operations);
  if (/[{}]/.test(spec.target)) {
    throw wrongTarget(
      spec,
      index,
      "has a placeholder, which cannot be put into an archive",
    );
  }
  const { members, contentSize, unusedPatterns } = await listMembers(tree, {
    include: spec.include,
    exclude: spec.exclude,
    prefix: spec.target,
    modes: spec.modes,
    portable,
    ...(signal && { signal }),
  });
  for (const pattern of unusedPatterns) {
    warn(
      `slots[${index}].include "${pattern}" matches nothing in ${spec.source}`,
    );
  }
  const rule = frameRuleFor(members);
  return {
    spec,
    index,
    operations,
    compressions,
    isKept: false,
    isFramed: isFramed(operations) && !portable,
    target: WORKENV,
    permissions: spec.permissions ?? ARCHIVE_PERMISSIONS,
    size: contentSize,
    files: members.filter(({ kind }) => kind === "file").length,
    blockSize: rule.maxFrameSize,
    content: (options) => writeTar(tree, members, { ...options, rule }),
  };
}

async function openStream(
  spec: SlotSpec,
  stream: ReadableStream<Uint8Array>,
  options: OpenSlotOptions,
): Promise<SlotSource> {
  const chunks = stream.values();
  const read: Uint8Array[] = [];
  const head = new Uint8Array(PEEK_SIZE);
  let size = 0;
  while (size < PEEK_SIZE) {
    const { done, value } = await chunks.next();
    if (done) break;
    read.push(value);
    if (value.length > 0) {
      head.set(value.subarray(0, PEEK_SIZE - size), Math.min(size, PEEK_SIZE));
    }
    size += value.length;
  }
  async function* rest(): AsyncGenerator<Uint8Array, void, undefined> {
    yield* read;
    yield* chunks;
  }
  return describeFile(
    spec,
    { mode: 0o644, size, head: head.subarray(0, size) },
    {
      blockSize: FRAME_UNIT,
      async *content(
        { pool, onInput, signal },
      ): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
        const input = streamFrom(rest());
        for await (const block of cutBlocks(input, FRAME_UNIT, pool)) {
          signal?.throwIfAborted();
          onInput(block.length);
          yield block;
        }
      },
    },
    options,
  );
}

interface FileFacts {
  readonly mode: number;
  readonly size: number;
  readonly head: Uint8Array;
}

function describeFile(
  spec: SlotSpec,
  { mode, size, head }: FileFacts,
  content: Pick<SlotSource, "blockSize" | "content">,
  { index, portable, warn }: OpenSlotOptions,
): SlotSource {
  const encoding: DetectedEncoding = detectEncoding(head);
  const { operations, compressions, isKept } = chooseForFile(spec, {
    index,
    portable,
    size,
    encoding,
  });
  if (portable) {
    checkPortableOperations(spec, index, operations);
    checkPortableFile(spec, operations, encoding);
  }
  const at = `slots[${index}]`;
  if (spec.include.length + spec.exclude.length > 0) {
    const key = spec.include.length > 0 ? "include" : "exclude";
    warn(`${at}.${key} has no effect: ${spec.source} is a file`);
  }
  const { isArchive } = operations;
  if (isArchive && spec.target !== "") {
    warn(
      `${at}.target has no effect: archives are unpacked into the workenv itself`,
    );
  }
  if (!isArchive && spec.target === "") {
    throw wrongTarget(spec, index, "is the workenv, but the source is a file");
  }
  return {
    ...content,
    spec,
    index,
    operations,
    compressions,
    isKept,
    isFramed: isFramed(operations) && !portable && !isKept,
    target: isArchive ? WORKENV : spec.target,
    permissions: spec.permissions ??
      (isArchive ? ARCHIVE_PERMISSIONS : packedMode(mode, spec.modes)),
    size,
    files: 1,
  };
}

/**
 * Reads a file that is to be packed. One that somebody still writes to is
 * packed neither cut nor torn.
 */
async function* readFile(
  open: () => Promise<RandomAccessSource>,
  expected: { readonly name: string; readonly size: number },
  { pool, onInput, signal }: ContentOptions,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  await using file = await open();
  const { size } = expected;
  if (file.size !== size) throw sourceChanged(expected, file.size);
  const unit = fileFrameUnit(size);
  try {
    if (file.readInto === undefined) {
      const chunks = file.stream(0, size, { signal });
      for await (const block of cutBlocks(chunks, unit, pool)) {
        onInput(block.length);
        yield block;
      }
    } else {
      for (let offset = 0; offset < size;) {
        const block = pool.take().subarray(0, Math.min(unit, size - offset));
        for (let filled = 0; filled < block.length;) {
          signal?.throwIfAborted();
          const count = file.readInto(offset + filled, block.subarray(filled));
          if (count === 0) throw sourceChanged(expected, offset + filled);
          filled += count;
          onInput(count);
        }
        offset += block.length;
        yield block;
      }
    }
  } catch (error) {
    checkUnchanged(file, expected, error);
    throw error;
  }
  checkUnchanged(file, expected);
}

function checkUnchanged(
  file: RandomAccessSource,
  expected: { readonly name: string; readonly size: number },
  cause?: unknown,
): void {
  const actual = file.currentSize?.() ?? file.size;
  if (actual !== expected.size) throw sourceChanged(expected, actual, cause);
}

function sourceChanged(
  { name, size }: { readonly name: string; readonly size: number },
  actual: number,
  cause?: unknown,
): PspfError {
  return new PspfError(
    "build/source-changed",
    `Cannot pack "${name}": it had ${size} bytes when it was opened and has ${actual} now`,
    {
      context: { path: name, expected: size, actual },
      hint:
        "Something writes to the source; wait until it is done and pack again",
      cause,
    },
  );
}

function wrongTarget(spec: SlotSpec, index: number, what: string): PspfError {
  const path = `slots[${index}].target`;
  return new PspfError(
    "manifest/invalid",
    `Cannot build slot "${spec.id}": its target ${what}`,
    {
      context: { slot: spec.id, problems: [{ path, message: what }] },
      hint: 'Write the path of a file like "bin/app", or a directory',
    },
  );
}

/**
 * Refuses a file where another slot needs a directory: which of the two would
 * be there depends on the order of extraction.
 */
export function checkTargets(slots: readonly SlotSource[]): void {
  const files = new Map<string, SlotSource>();
  for (const slot of slots) {
    if (!slot.operations.isArchive) files.set(slot.spec.target, slot);
  }
  for (const { spec, index, operations } of slots) {
    const inside = operations.isArchive ? `${spec.target}/` : spec.target;
    for (
      let at = inside.indexOf("/");
      at > 0;
      at = inside.indexOf("/", at + 1)
    ) {
      const file = files.get(inside.slice(0, at));
      if (file === undefined) continue;
      throw wrongTarget(
        spec,
        index,
        `"${spec.target}" is below the file of slots[${file.index}]`,
      );
    }
  }
}
