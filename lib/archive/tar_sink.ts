import { encodePaxRecords } from "./pax.ts";
import {
  MAX_MEMBER_SIZE,
  TAR_BLOCK_SIZE,
  type TarHeader,
  type TarMember,
  writeTarHeader,
} from "./tar_header.ts";

/** Where the memory of chunks comes from. */
export interface ChunkMemory {
  /** Bytes per chunk, a multiple of 512. */
  readonly size: number;
  /**
   * Gives out memory.
   *
   * @returns `size` bytes with anything in them.
   */
  take(): Uint8Array;
}

const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
const ASCII_REGEXP = /^\p{ASCII}*$/u;
const ENCODER = new TextEncoder();
const TYPES = { file: "0", symlink: "2", directory: "5" } as const;

/**
 * Collects tar blocks in big chunks: a chunk per header would cost more than
 * the header itself.
 */
export class TarSink {
  readonly #memory: ChunkMemory;
  readonly #full: Uint8Array[] = [];
  #chunk: Uint8Array | undefined;
  #filled = 0;

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
    this.write(new Uint8Array(2 * TAR_BLOCK_SIZE));
    const rest = this.#chunk?.subarray(0, this.#filled) ?? new Uint8Array();
    return rest.length > 0 ? [...this.take(), rest] : this.take();
  }

  /** Writes the header of a member, with a PAX header before it where ustar cannot hold a name. */
  writeHead(member: TarMember, mtime: number): void {
    const { kind, mode } = member;
    const size = kind === "file" ? member.size : 0;
    if (size > MAX_MEMBER_SIZE) {
      throw new RangeError(`A member cannot have ${size} bytes`);
    }
    const path = kind === "directory" ? `${member.path}/` : member.path;
    const target = kind === "symlink" ? member.target : "";
    const split = splitPath(path);
    const records: [string, string][] = [];
    if (!fits(target)) records.push(["linkpath", target]);
    if (split === undefined) records.push(["path", path]);
    if (records.length > 0) this.#writePax(path, records, mtime);
    this.#writeHeader({
      ...split ?? { name: shorten(path) },
      type: TYPES[kind],
      mode,
      size,
      mtime,
      linkName: shorten(target),
    });
  }

  /** Copies content of a member. */
  write(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length;) {
      const space = this.space(bytes.length - at);
      space.set(bytes.subarray(at, at + space.length));
      this.advance(space.length);
      at += space.length;
    }
  }

  /** Gives out space for content: at least one byte, and no more than wanted. */
  space(length: number): Uint8Array {
    const chunk = this.#chunk ??= this.#memory.take();
    return chunk.subarray(this.#filled, this.#filled + length);
  }

  /** Takes in what was put into the space. */
  advance(length: number): void {
    this.#filled += length;
    if (this.#chunk === undefined || this.#filled < this.#memory.size) return;
    this.#full.push(this.#chunk);
    this.#chunk = undefined;
    this.#filled = 0;
  }

  /** Fills the last block of a member with zeros; chunks are whole blocks. */
  pad(): void {
    const rest = this.#filled % TAR_BLOCK_SIZE;
    if (rest > 0) this.write(new Uint8Array(TAR_BLOCK_SIZE - rest));
  }

  #writePax(
    path: string,
    records: readonly (readonly [string, string])[],
    mtime: number,
  ): void {
    const content = encodePaxRecords(records);
    const base = path.replace(/\/$/, "").split("/").at(-1) ?? "";
    const name = shorten(`PaxHeaders/${base}`);
    const size = content.length;
    this.#writeHeader({ name, type: "x", mode: 0o644, size, mtime });
    this.write(content);
    this.pad();
  }

  #writeHeader(header: TarHeader): void {
    const block = new Uint8Array(TAR_BLOCK_SIZE);
    writeTarHeader(block, header);
    this.write(block);
  }
}

/** Finds the slash that lets a path fit into prefix and name, if any. */
function splitPath(
  path: string,
): Pick<TarHeader, "name" | "prefix"> | undefined {
  if (fits(path)) return { name: ENCODER.encode(path) };
  const slash = path.indexOf("/", path.length - NAME_SIZE - 1);
  const prefix = path.slice(0, slash);
  const name = path.slice(slash + 1);
  const isSplit = slash > 0 && slash <= PREFIX_SIZE && name !== "" &&
    ASCII_REGEXP.test(path);
  return isSplit
    ? { prefix: ENCODER.encode(prefix), name: ENCODER.encode(name) }
    : undefined;
}

function fits(text: string): boolean {
  return text.length <= NAME_SIZE && ASCII_REGEXP.test(text);
}

/** What a reader without PAX would show: cut, and ASCII only. */
function shorten(text: string): Uint8Array {
  return ENCODER.encode(text.replace(/\P{ASCII}/gu, "_").slice(0, NAME_SIZE));
}
