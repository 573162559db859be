import { Buffer } from "node:buffer";
import fs from "node:fs";

import { PspfError } from "../errors.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
import { fileError, quotePath } from "./file_error.ts";

/** Large enough that system calls do not show, small enough to stay in cache. */
const CHUNK_SIZE = 1 << 20;

/**
 * An open file as a {@linkcode RandomAccessSource}. The length is taken once,
 * when it is opened; a file that shrinks afterwards is an error, one that grows
 * is read up to the length it had.
 */
export class FileSource implements RandomAccessSource {
  readonly name: string;
  readonly size: number;
  readonly #fd: number;
  #closed = false;
  /** Reads share one file position, so they take turns. */
  #turn: Promise<unknown> = Promise.resolve();

  /**
   * @param name What to call it in messages.
   * @param fd An open descriptor; the source closes it.
   * @param size Its length in bytes.
   */
  constructor(name: string, fd: number, size: number) {
    this.name = name;
    this.#fd = fd;
    this.size = size;
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
    try {
      return fs.readSync(this.#fd, into, 0, into.length, offset);
    } catch (error) {
      throw fileError(error, `read ${quotePath(this.name)}`, this.name);
    }
  }

  currentSize(): number {
    return fs.fstatSync(this.#fd).size;
  }

  async #readNow(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): Promise<Uint8Array> {
    signal?.throwIfAborted();
    if (
      !Number.isSafeInteger(offset) || !Number.isSafeInteger(length) ||
      offset < 0 || length < 0 || offset + length > this.size
    ) {
      throw new RangeError(
        `Cannot read ${length} bytes at ${offset}: the source has ${this.size}`,
      );
    }
    const bytes = Buffer.allocUnsafeSlow(length);
    let filled = 0;
    while (filled < length) {
      const count = await this.#readSome(bytes, filled, offset + filled);
      if (count === 0) {
        throw new PspfError(
          "io/failed",
          `Cannot read ${quotePath(this.name)}: it ends at ${
            offset + filled
          }, expected ${this.size} bytes`,
          {
            context: { path: this.name, offset: offset + filled },
            hint: "The file changed while it was read; try again",
          },
        );
      }
      filled += count;
    }
    return new Uint8Array(bytes.buffer);
  }

  #readSome(bytes: Buffer, filled: number, position: number): Promise<number> {
    const length = Math.min(CHUNK_SIZE, bytes.length - filled);
    return new Promise((resolve, reject) => {
      fs.read(this.#fd, bytes, filled, length, position, (error, count) => {
        if (error === null) resolve(count);
        else {reject(
            fileError(error, `read ${quotePath(this.name)}`, this.name),
          );}
      });
    });
  }

  /** Closes the file; only for whoever has no read under way. */
  close(): void {
    if (this.#closed) return;
    this.#closed = true;
    fs.closeSync(this.#fd);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#turn;
    this.close();
  }
}

/**
 * Opens a regular file as a {@linkcode FileSource}.
 *
 * @param path Its absolute path.
 * @param name What to call it in messages; the path when absent.
 * @returns The source; dispose it.
 * @throws {PspfError} `io/not-found`, `io/denied`, `io/failed`
 */
export function openFileSource(path: string, name: string = path): FileSource {
  const action = `open ${quotePath(name)}`;
  // Without O_NONBLOCK, opening a pipe would wait for a writer for ever.
  const flags = fs.constants.O_RDONLY | (fs.constants.O_NONBLOCK ?? 0);
  let fd: number;
  try {
    fd = fs.openSync(path, flags);
  } catch (error) {
    throw fileError(error, action, name);
  }
  const facts = fs.fstatSync(fd);
  if (facts.isFile()) return new FileSource(name, fd, facts.size);
  fs.closeSync(fd);
  throw new PspfError(
    "io/failed",
    `Cannot ${action}: it is ${
      facts.isDirectory() ? "a directory" : "not a regular file"
    }`,
    { context: { path: name } },
  );
}
