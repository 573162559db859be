import type { Stats } from "node:fs";
import { PspfError } from "../errors.ts";
import { nodeBuiltin } from "../io/node_builtin.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
import { fileError, quotePath } from "./file_error.ts";

/** Large enough that system calls do not show, small enough to stay in cache. */
const CHUNK_SIZE = 1 << 20;

/** So little is read sooner than another thread can be asked for it. */
const READ_AT_ONCE = 1 << 17;

/** What tells one version of a file from another. */
export function identityOf(
  { dev, ino, size, mtimeMs, ctimeMs }: Stats,
): string {
  return [dev, ino, size, mtimeMs, ctimeMs].join("-");
}

/** An open file, by whatever the runtime calls it. */
export interface FileHandle {
  /** Reads at a position; 0 at the end. */
  readSync(into: Uint8Array, position: number): number;
  /** The same without holding up the program. */
  read(into: Uint8Array, position: number): Promise<number>;
  /** Its length now, in bytes. */
  size(): number;
  close(): void;
}

/**
 * An open file as a {@linkcode RandomAccessSource}. The length is taken once,
 * when it is opened; a file that shrinks afterwards is an error, one that grows
 * is read up to the length it had.
 */
export class FileSource implements RandomAccessSource {
  readonly name: string;
  readonly size: number;
  /** As in {@linkcode FileFacts}, where the file has a place of its own. */
  readonly identity: string;
  readonly #handle: FileHandle;
  #closed = false;
  /** Reads share one file position, so they take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  constructor(name: string, handle: FileHandle, facts?: Stats) {
    this.name = name;
    this.#handle = handle;
    this.size = facts?.size ?? handle.size();
    this.identity = facts === undefined ? "" : identityOf(facts);
  }

  read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    const result = this.#turn.then(() =>
      this.#readNow(offset, length, options.signal)
    );
    this.#turn = result.catch(() => undefined);
    return result;
  }

  stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): ReadableStream<Uint8Array> {
    let position = offset;
    const end = offset + length;
    return new ReadableStream<Uint8Array>({
      pull: async (controller) => {
        const step = Math.min(CHUNK_SIZE, end - position);
        if (step > 0) {
          controller.enqueue(await this.read(position, step, options));
          position += step;
        }
        if (position === end) controller.close();
      },
    }, { highWaterMark: 2 });
  }

  readInto(offset: number, into: Uint8Array): number {
    this.#checkOpen();
    try {
      return this.#handle.readSync(into, offset);
    } catch (error) {
      throw fileError(error, `read ${quotePath(this.name)}`, this.name);
    }
  }

  currentSize(): number {
    return this.#closed ? this.size : this.#handle.size();
  }

  async #readNow(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    this.#checkOpen();
    if (
      !Number.isSafeInteger(offset) || !Number.isSafeInteger(length) ||
      offset < 0 || length < 0 || offset + length > this.size
    ) {
      throw new RangeError(
        `Cannot read ${length} bytes at ${offset}: the source has ${this.size}`,
      );
    }
    const bytes = new Uint8Array(length);
    for (let filled = 0; filled < length;) {
      const count = await this.#readSome(
        bytes.subarray(filled, filled + CHUNK_SIZE),
        offset + filled,
      );
      if (count === 0) throw this.#endsEarly(offset + filled);
      filled += count;
    }
    return bytes;
  }

  async #readSome(into: Uint8Array, position: number): Promise<number> {
    try {
      return into.length <= READ_AT_ONCE
        ? this.#handle.readSync(into, position)
        : await this.#handle.read(into, position);
    } catch (error) {
      throw fileError(error, `read ${quotePath(this.name)}`, this.name);
    }
  }

  #endsEarly(offset: number): PspfError {
    return new PspfError(
      "io/failed",
      `Cannot read ${
        quotePath(this.name)
      }: it ends at ${offset}, expected ${this.size} bytes`,
      {
        context: { path: this.name, offset },
        hint: "The file changed while it was read; try again",
      },
    );
  }

  /** A number that meant this file may mean another one by now. */
  #checkOpen(): void {
    if (!this.#closed) return;
    throw new TypeError(`Cannot read ${quotePath(this.name)}: it is closed`);
  }

  /** Closes the file at once; no read may be under way. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#handle.close();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    this.close();
  }
}

/**
 * Opens a regular file as a {@linkcode FileSource}; `name` is what messages
 * call it.
 */
export function openFileSource(path: string, name: string = path): FileSource {
  const action = `open ${quotePath(name)}`;
  const fs = nodeBuiltin("node:fs");
  if (fs === undefined) {
    throw new PspfError(
      "io/failed",
      `Cannot ${action}: this runtime has no files`,
      { context: { path: name }, hint: "Give its bytes, or a Blob" },
    );
  }
  // Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
  const flags = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);
  let fd: number;
  try {
    fd = fs.openSync(path, flags);
  } catch (error) {
    throw fileError(error, action, name);
  }
  const facts = fs.fstatSync(fd);
  if (facts.isFile()) {
    return new FileSource(name, {
      readSync: (into, position) =>
        fs.readSync(fd, into, 0, into.length, position),
      read: (into, position) =>
        new Promise((resolve, reject) => {
          fs.read(fd, into, 0, into.length, position, (error, count) => {
            if (error === null) resolve(count);
            else reject(error);
          });
        }),
      size: () => fs.fstatSync(fd).size,
      close: () => fs.closeSync(fd),
    }, facts);
  }
  fs.closeSync(fd);
  throw new PspfError(
    "io/failed",
    `Cannot ${action}: it is ${
      facts.isDirectory() ? "a directory" : "not a regular file"
    }`,
    { context: { path: name } },
  );
}
