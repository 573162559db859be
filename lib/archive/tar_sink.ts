import { encodePaxRecords } from "./pax.ts";
import {
  MAX_MEMBER_SIZE,
  TAR_BLOCK_SIZE,
  type TarHeader,
  type TarMember,
  TarType,
  writeTarHeader,
} from "./tar_header.ts";

/** Where the memory of chunks comes from. */
export interface ChunkMemory {
  /** Bytes per chunk, a multiple of 512. */
  readonly size: number;
  /** Whether whoever takes a chunk gives its memory back to be used again. */
  readonly isReused: boolean;
  /**
   * Gives out memory.
   *
   * @returns `size` bytes with anything in them.
   */
  take(): Uint8Array;
}

/** Below this size a copy is cheaper than another chunk. */
const COPY_SIZE = 64 * 1024;
const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
const ASCII_REGEXP = /^\p{ASCII}*$/u;
const ENCODER = new TextEncoder();
const TYPES = {
  file: TarType.FILE,
  directory: TarType.DIRECTORY,
  symlink: TarType.SYMLINK,
} as const;

/**
 * Collects tar blocks in big chunks: a chunk per header would cost more than
 * the header itself.
 */
export class TarSink {
  readonly #memory: ChunkMemory;
  readonly #full: Uint8Array[] = [];
  #current: Uint8Array | undefined;
  /** Where the part of the chunk begins that was not handed over yet. */
  #start = 0;
  #filled = 0;
  #total = 0;

  constructor(memory: ChunkMemory) {
    this.#memory = memory;
  }

  /** Whether {@linkcode TarSink.take} has something to give. */
  get hasFullChunk(): boolean {
    return this.#full.length > 0;
  }

  /** Takes the chunks that are full; the sink does not use them again. */
  take(): Uint8Array[] {
    return this.#full.splice(0);
  }

  /** Ends the archive and takes what is left. */
  finish(): Uint8Array[] {
    this.pad();
    this.write(new Uint8Array(2 * TAR_BLOCK_SIZE));
    this.#handOver();
    return this.take();
  }

  /** Writes the header of a member, with a PAX header before it where ustar cannot hold a name. */
  writeHead(member: TarMember, mtime: number): void {
    const { kind, mode } = member;
    const size = kind === "file" ? member.size : 0;
    if (size > MAX_MEMBER_SIZE) {
      throw new RangeError(`A member cannot have ${size} bytes`);
    }
    const path = kind === "directory" ? `${member.path}/` : member.path;
    const split = splitPath(path);
    const target = kind === "symlink" ? member.target : "";
    const records: [string, string][] = [];
    if (!fits(target, NAME_SIZE)) records.push(["linkpath", target]);
    if (split === undefined) records.push(["path", path]);
    if (records.length > 0) this.#writePax(path, records, mtime);
    this.#writeHeader({
      ...split ?? { name: shorten(path, NAME_SIZE) },
      type: TYPES[kind],
      mode,
      size,
      mtime,
      linkName: shorten(target, NAME_SIZE),
    });
  }

  /** Copies content of a member. */
  write(bytes: Uint8Array): void {
    let at = 0;
    while (at < bytes.length) {
      const space = this.space(bytes.length - at);
      space.set(bytes.subarray(at, at + space.length));
      this.advance(space.length);
      at += space.length;
    }
  }

  /** Gives out space for content: at least one byte, and no more than wanted. */
  space(length: number): Uint8Array {
    const end = Math.min(this.#memory.size, this.#filled + length);
    return this.#chunk().subarray(this.#filled, end);
  }

  /** Takes in what was put into the space. */
  advance(length: number): void {
    this.#total += length;
    this.#filled += length;
    if (this.#filled < this.#memory.size) return;
    this.#handOver();
    this.#current = undefined;
    this.#start = 0;
    this.#filled = 0;
  }

  /** Passes on content, which must not change any more, without a copy where that pays. */
  writeOwned(bytes: Uint8Array): void {
    // Chunks of somebody else's memory are handed over whole.
    const copies = this.#memory.isReused || bytes.length < COPY_SIZE;
    if (copies) return this.write(bytes);
    // Whole blocks only, so that the chunk stays aligned for the next header.
    const aligned = bytes.length - bytes.length % TAR_BLOCK_SIZE;
    this.#handOver();
    this.#full.push(bytes.subarray(0, aligned));
    this.#total += aligned;
    this.write(bytes.subarray(aligned));
  }

  /** Fills the last block of a member with zeros. */
  pad(): void {
    const rest = this.#total % TAR_BLOCK_SIZE;
    if (rest === 0) return;
    this.space(TAR_BLOCK_SIZE - rest).fill(0);
    this.advance(TAR_BLOCK_SIZE - rest);
  }

  #writePax(
    path: string,
    records: readonly (readonly [string, string])[],
    mtime: number,
  ): void {
    const content = encodePaxRecords(records);
    const base = path.replace(/\/$/, "").split("/").at(-1) ?? "";
    this.#writeHeader({
      name: shorten(`PaxHeaders/${base}`, NAME_SIZE),
      type: TarType.PAX,
      mode: 0o644,
      size: content.length,
      mtime,
    });
    this.write(content);
    this.pad();
  }

  /** Chunk size and content are multiples of a block, so a header fits whole. */
  #writeHeader(header: TarHeader): void {
    const block = this.space(TAR_BLOCK_SIZE);
    block.fill(0);
    writeTarHeader(block, header);
    this.advance(TAR_BLOCK_SIZE);
  }

  #chunk(): Uint8Array {
    return this.#current ??= this.#memory.take();
  }

  /** The rest of the chunk stays in use: it is other memory. */
  #handOver(): void {
    if (this.#filled === this.#start) return;
    this.#full.push(this.#chunk().subarray(this.#start, this.#filled));
    this.#start = this.#filled;
  }
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
