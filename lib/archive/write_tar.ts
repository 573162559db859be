import { PspfError } from "../errors.ts";
import { FrameRule } from "../format/frames.ts";
import { BlockPool } from "../io/block_pool.ts";
import type { FileTree } from "../io/file_tree.ts";
import { encodePaxRecords } from "./pax.ts";
import {
  MAX_MEMBER_SIZE,
  TAR_BLOCK_SIZE,
  type TarHeader,
  type TarMember,
  writeTarHeader,
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
 *
 * @param tree Where the content of files comes from.
 * @param members The entries, in the order to write them.
 * @param options Modification time, cuts, memory.
 * @returns The archive, one chunk for each frame; the memory of a chunk is the
 * caller's.
 * @throws {PspfError} `build/source-changed` when a file is not as long as its
 * member says
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
      const isAtCut = frame.filled === rule.unit && paddingOf(size) > 0;
      if (isAtCut) yield frame.take();
    }
    frame.appendZeros(paddingOf(size));
  }
  frame.appendZeros(2 * TAR_BLOCK_SIZE);
  yield frame.take();
}

/**
 * Decides where an archive is going to be cut.
 *
 * @param members Its entries.
 * @returns The rule for {@linkcode writeTar}.
 */
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
  using file = tree.openFile?.(source);
  if (file !== undefined && file.size !== size) {
    throw sourceChanged(target, file.size);
  }
  await using stream = file === undefined
    ? new StreamedFile(tree.stream(source))
    : undefined;
  let done = 0;
  const read = (into: Uint8Array): number | Promise<number> =>
    file?.readInto(into) ?? stream?.readInto(into) ?? 0;
  while (done < size) {
    signal?.throwIfAborted();
    if (frame.filled === limit) yield frame.take();
    const { filled } = frame;
    const end = Math.min(limit, filled + Math.min(READ_SIZE, size - done));
    const count = await read(frame.space(filled, end));
    if (count === 0) throw sourceChanged(target, done);
    frame.filled += count;
    done += count;
    onInput?.(count);
  }
  if (await read(new Uint8Array(1)) > 0) throw sourceChanged(target, size + 1);
}

/** A file that comes as a stream, read to where its bytes belong. */
class StreamedFile implements AsyncDisposable {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #rest = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  async readInto(into: Uint8Array): Promise<number> {
    while (this.#rest.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return 0;
      this.#rest = value as Uint8Array<ArrayBuffer>;
    }
    const part = this.#rest.subarray(0, into.length);
    into.set(part);
    this.#rest = this.#rest.subarray(part.length);
    return part.length;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#reader.cancel().catch(() => {});
  }
}

function sourceChanged(
  { tree, source, size }: ReadTarget,
  actual: number,
): PspfError {
  return new PspfError(
    "build/source-changed",
    `Cannot pack "${source}" of ${tree.name}: it had ${size} bytes when it was listed and gives ${actual}`,
    {
      context: { path: source, tree: tree.name, expected: size, actual },
      hint:
        "Something writes to the source; wait until it is done and pack again",
    },
  );
}

const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
const ASCII_REGEXP = /^\p{ASCII}*$/u;
const ENCODER = new TextEncoder();

const TYPES = { file: "0", symlink: "2", directory: "5" } as const;

/**
 * The header of a member, with a PAX header before it where ustar cannot hold
 * its name or its target.
 */
function encodeHead(member: TarMember, mtime: number): Uint8Array {
  const path = nameOf(member);
  const size = member.kind === "file" ? member.size : 0;
  if (size > MAX_MEMBER_SIZE) {
    throw new RangeError(`A member cannot have ${size} bytes`);
  }
  const link = member.kind === "symlink" ? member.target : undefined;
  const split = splitPath(path);
  const records = paxRecordsOf(member);
  const pax = records.length === 0
    ? new Uint8Array()
    : encodePax(path, records, mtime);
  const head = new Uint8Array(pax.length + TAR_BLOCK_SIZE);
  head.set(pax);
  writeTarHeader(head.subarray(pax.length), {
    ...(split ?? { name: shorten(path, NAME_SIZE) }),
    type: TYPES[member.kind],
    mode: member.mode,
    size,
    mtime,
    linkName: link === undefined ? undefined : shorten(link, NAME_SIZE),
  });
  return head;
}

function nameOf({ kind, path }: TarMember): string {
  return kind === "directory" ? `${path}/` : path;
}

function paxRecordsOf(member: TarMember): readonly [string, string][] {
  const path = nameOf(member);
  const records: [string, string][] = [];
  if (member.kind === "symlink" && !fits(member.target, NAME_SIZE)) {
    records.push(["linkpath", member.target]);
  }
  if (!fits(path, NAME_SIZE) && splitPath(path) === undefined) {
    records.push(["path", path]);
  }
  return records;
}

function headSizeOf(member: TarMember): number {
  const records = paxRecordsOf(member);
  if (records.length === 0) return TAR_BLOCK_SIZE;
  const { length } = encodePaxRecords(records);
  return 2 * TAR_BLOCK_SIZE + length + paddingOf(length);
}

function encodePax(
  path: string,
  records: readonly (readonly [string, string])[],
  mtime: number,
): Uint8Array {
  const content = encodePaxRecords(records);
  const size = content.length;
  const bytes = new Uint8Array(TAR_BLOCK_SIZE + size + paddingOf(size));
  const base = path.replace(/\/$/, "").split("/").at(-1) ?? "";
  const name = shorten(`PaxHeaders/${base}`, NAME_SIZE);
  writeTarHeader(bytes, { name, type: "x", mode: 0o644, size, mtime });
  bytes.set(content, TAR_BLOCK_SIZE);
  return bytes;
}

function paddingOf(size: number): number {
  return (TAR_BLOCK_SIZE - size % TAR_BLOCK_SIZE) % TAR_BLOCK_SIZE;
}

/** Finds the slash that lets a path fit into prefix and name, if any. */
function splitPath(
  path: string,
): Pick<TarHeader, "name" | "prefix"> | undefined {
  if (!ASCII_REGEXP.test(path)) return undefined;
  if (path.length <= NAME_SIZE) return { name: ENCODER.encode(path) };
  const slash = path.indexOf("/", path.length - NAME_SIZE - 1);
  // A trailing slash belongs to the name: it would be empty otherwise.
  if (slash <= 0 || slash > PREFIX_SIZE || slash === path.length - 1) {
    return undefined;
  }
  return {
    prefix: ENCODER.encode(path.slice(0, slash)),
    name: ENCODER.encode(path.slice(slash + 1)),
  };
}

function fits(text: string, size: number): boolean {
  return text.length <= size && ASCII_REGEXP.test(text);
}

/** What a reader without PAX would show: cut, and ASCII only. */
function shorten(text: string, size: number): Uint8Array {
  return ENCODER.encode(text.replace(/\P{ASCII}/gu, "_").slice(0, size));
}
