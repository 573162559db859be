import { encodePaxRecords } from "./pax_records.ts";
import {
  TAR_BLOCK_SIZE,
  type TarHeader,
  TarType,
  type TarTypeFlag,
  writeTarHeader,
} from "./tar_header.ts";

/** What is written before the content of a member. */
export interface TarEntryHead {
  /** Path inside the archive, without a trailing slash. */
  readonly path: string;
  /** What the member is. */
  readonly type: Exclude<TarTypeFlag, typeof TarType.PAX>;
  /** Permission bits. */
  readonly mode: number;
  /** Content length in bytes. */
  readonly size: number;
  /** Target of a symbolic link. */
  readonly linkTarget?: string;
  /** Seconds since 1970. */
  readonly mtime: number;
}

/** Below this size a copy is cheaper than another chunk. */
const COPY_SIZE = 64 * 1024;
const NAME_SIZE = 100;
const PREFIX_SIZE = 155;
const MAX_OCTAL_SIZE = 8 ** 11 - 1;
const ASCII_REGEXP = /^\p{ASCII}*$/u;
const ENCODER = new TextEncoder();

/**
 * Collects tar blocks in big chunks: a chunk per header would cost more than
 * the header itself.
 */
export class TarSink {
  readonly #chunkSize: number;
  readonly #full: Uint8Array[] = [];
  #chunk: Uint8Array;
  /** Where the part of the chunk begins that was not handed over yet. */
  #start = 0;
  #filled = 0;
  #total = 0;

  /** @param chunkSize Bytes per chunk, a multiple of 512. */
  constructor(chunkSize: number) {
    this.#chunkSize = chunkSize;
    this.#chunk = new Uint8Array(chunkSize);
  }

  /** Whether {@linkcode TarSink.take} has something to give. */
  get hasFullChunk(): boolean {
    return this.#full.length > 0;
  }

  /**
   * Takes the chunks that are full.
   *
   * @returns Chunks in order; the sink does not use them again.
   */
  take(): Uint8Array[] {
    return this.#full.splice(0);
  }

  /**
   * Ends the archive and takes what is left.
   *
   * @returns The last chunks.
   */
  finish(): Uint8Array[] {
    this.pad();
    this.write(new Uint8Array(2 * TAR_BLOCK_SIZE));
    this.#handOver();
    return this.take();
  }

  /**
   * Writes the header of a member, with a PAX header before it where ustar
   * cannot hold a field.
   *
   * @param head What the member is.
   */
  writeHead(head: TarEntryHead): void {
    const isDirectory = head.type === TarType.DIRECTORY;
    const path = isDirectory ? `${head.path}/` : head.path;
    const split = splitPath(path);
    const records: [string, string][] = [];
    if (head.linkTarget !== undefined && !fits(head.linkTarget, NAME_SIZE)) {
      records.push(["linkpath", head.linkTarget]);
    }
    if (split === undefined) records.push(["path", path]);
    if (head.size > MAX_OCTAL_SIZE) records.push(["size", String(head.size)]);
    if (records.length > 0) this.#writePax(path, records, head.mtime);
    this.#writeHeader({
      ...(split ?? { name: shorten(path, NAME_SIZE) }),
      type: head.type,
      mode: head.mode,
      size: head.size > MAX_OCTAL_SIZE ? 0 : head.size,
      mtime: head.mtime,
      ...(head.linkTarget === undefined
        ? {}
        : { linkName: shorten(head.linkTarget, NAME_SIZE) }),
    });
  }

  /** @param bytes Content of a member; copied. */
  write(bytes: Uint8Array): void {
    this.#total += bytes.length;
    let at = 0;
    while (at < bytes.length) {
      const end = Math.min(bytes.length, at + this.#chunkSize - this.#filled);
      this.#chunk.set(bytes.subarray(at, end), this.#filled);
      this.#advance(end - at);
      at = end;
    }
  }

  /**
   * Passes on content without a copy where it is large enough to pay.
   *
   * @param bytes Content of a member; must not change any more.
   */
  writeOwned(bytes: Uint8Array): void {
    if (bytes.length < COPY_SIZE) return this.write(bytes);
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
    this.#total += TAR_BLOCK_SIZE - rest;
    // Fresh chunks are zero already.
    this.#advance(TAR_BLOCK_SIZE - rest);
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
    writeTarHeader(this.#chunk, this.#filled, header);
    this.#total += TAR_BLOCK_SIZE;
    this.#advance(TAR_BLOCK_SIZE);
  }

  #advance(length: number): void {
    this.#filled += length;
    if (this.#filled < this.#chunkSize) return;
    this.#handOver();
    this.#chunk = new Uint8Array(this.#chunkSize);
    this.#start = 0;
    this.#filled = 0;
  }

  /** The rest of the chunk stays in use: it is other memory. */
  #handOver(): void {
    if (this.#filled === this.#start) return;
    this.#full.push(this.#chunk.subarray(this.#start, this.#filled));
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
