import { PspfError } from "../errors.ts";
import { FrameRule } from "../format/frames.ts";
import { BlockPool } from "../io/block_pool.ts";
import type { FileTree } from "../io/file_tree.ts";
import {
  encodeHead,
  headSizeOf,
  paddingOf,
  TAR_BLOCK_SIZE,
  type TarMember,
} from "./tar_header.ts";

/** Options of {@linkcode writeTar}. */
export interface WriteTarOptions {
  /**
   * Modification time of every entry, in seconds since 1970.
   *
   * @default {0}
   */
  readonly mtime?: number | undefined;
  /** Where the archive is cut; see {@linkcode frameRuleFor}. */
  readonly rule?: FrameRule | undefined;
  /** Where the memory of frames comes from: blocks of `rule.maxFrameSize`. */
  readonly pool?: BlockPool | undefined;
  /** Sees how many bytes of content were read. */
  readonly onInput?: ((size: number) => void) | undefined;
  /** Stops the writer; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** Up to this size a file is read in one call, which is several times faster. */
const WHOLE_FILE_SIZE = 64 * 1024;

/** What is read from a large file at once: it stays in the processor's cache. */
const READ_SIZE = 1024 * 1024;

/**
 * Writes a tar archive: ustar, with PAX headers only where ustar cannot hold a
 * name or a link. The bytes depend on the members alone, never on clock, owner
 * or host.
 */
export async function* writeTar(
  tree: FileTree,
  members: Iterable<TarMember>,
  options: WriteTarOptions = {},
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { mtime = 0, rule = new FrameRule(), onInput, signal } = options;
  const { pool = new BlockPool(rule.maxFrameSize) } = options;
  const frame = new Frame(pool);
  for (const member of members) {
    signal?.throwIfAborted();
    const size = member.kind === "file" ? member.size : 0;
    if (rule.cutsBefore(member.path, size, frame.filled)) yield frame.take();
    frame.append(encodeHead(member, mtime));
    if (member.kind !== "file") continue;
    const target = { tree, source: member.source, size, onInput, signal };
    if (size <= WHOLE_FILE_SIZE) {
      await readWhole(frame, target);
    } else if (size < rule.unit) {
      // It cannot fill a frame, so that nothing is handed over.
      for await (const _ of readParts(frame, rule.maxFrameSize, target));
    } else {
      yield* readParts(frame, rule.unit, target);
    }
    frame.appendZeros(paddingOf(size));
  }
  frame.appendZeros(2 * TAR_BLOCK_SIZE);
  yield frame.take();
}

/** Decides where an archive is going to be cut. */
export function frameRuleFor(members: readonly TarMember[]): FrameRule {
  const framed = members.map((member) => ({
    path: member.path,
    headSize: headSizeOf(member),
    size: member.kind === "file" ? member.size : 0,
  }));
  return FrameRule.for(framed);
}

/** Memory of one frame, filled from its start. */
class Frame {
  readonly #pool: BlockPool;
  #memory: Uint8Array<ArrayBuffer> | undefined;
  filled = 0;

  constructor(pool: BlockPool) {
    this.#pool = pool;
  }

  /** Hands the frame over and begins another. */
  take(): Uint8Array<ArrayBuffer> {
    const frame = this.space(0, this.filled);
    this.#memory = undefined;
    this.filled = 0;
    return frame;
  }

  /** A view of its memory. */
  space(from: number, to: number): Uint8Array<ArrayBuffer> {
    this.#memory ??= this.#pool.take();
    return this.#memory.subarray(from, to);
  }

  append(bytes: Uint8Array): void {
    this.space(this.filled, this.filled + bytes.length).set(bytes);
    this.filled += bytes.length;
  }

  appendZeros(count: number): void {
    this.space(this.filled, this.filled + count).fill(0);
    this.filled += count;
  }
}

interface ReadTarget {
  readonly tree: FileTree;
  readonly source: string;
  readonly size: number;
  readonly onInput: ((size: number) => void) | undefined;
  readonly signal: AbortSignal | undefined;
}

async function readWhole(frame: Frame, target: ReadTarget): Promise<void> {
  const { tree, source, size, onInput } = target;
  if (size > 0) {
    const content = tree.readFile(source, size);
    // Awaiting bytes that are there already would cost a turn per file.
    const bytes = content instanceof Uint8Array ? content : await content;
    if (bytes.length !== size) throw sourceChanged(target, bytes.length);
    frame.append(bytes);
  }
  onInput?.(size);
}

/** Reads a file to where it belongs, and cuts wherever a frame is full. */
async function* readParts(
  frame: Frame,
  limit: number,
  target: ReadTarget,
): AsyncGenerator<Uint8Array<ArrayBuffer>, void, undefined> {
  const { tree, source, size, onInput, signal } = target;
  using file = tree.openFile(source);
  if (file.size !== size) throw sourceChanged(target, file.size);
  for (let done = 0; done < size;) {
    signal?.throwIfAborted();
    if (frame.filled === limit) yield frame.take();
    const { filled } = frame;
    const end = Math.min(limit, filled + Math.min(READ_SIZE, size - done));
    const count = await file.readInto(frame.space(filled, end));
    if (count === 0) throw sourceChanged(target, done);
    frame.filled += count;
    done += count;
    onInput?.(count);
  }
  const more = await file.readInto(new Uint8Array(1));
  if (more > 0) throw sourceChanged(target, size + 1);
}

function sourceChanged(
  { tree, source, size }: ReadTarget,
  actual: number,
): PspfError {
  return new PspfError(
    "build/source-changed",
    `Cannot pack ${
      JSON.stringify(source)
    } of ${tree.name}: it had ${size} bytes when it was listed and gives ${actual}`,
    {
      context: { path: source, tree: tree.name, expected: size, actual },
      hint:
        "Something writes to the source; wait until it is done and pack again",
    },
  );
}
