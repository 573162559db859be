/**
 * A stand-in for `@std/tar/untar-stream`, which the npm registry does not
 * carry: the same class, written to its documented behaviour.
 *
 * Like the original it reads ustar members, checks each header's checksum,
 * gives every member that is not a link, device, folder or FIFO a `readable`
 * (PAX and GNU extension members too), and hands out the next member only when
 * that `readable` has been consumed or cancelled.
 *
 * @module
 */

const BLOCK = 512;

/** The fields of the original tar header. */
export interface OldStyleFormat {
  name: string;
  mode: number;
  uid: number;
  gid: number;
  size: number;
  mtime: number;
  typeflag: string;
  linkname: string;
}

/** The fields of a POSIX ustar header. */
export interface PosixUstarFormat extends OldStyleFormat {
  magic: string;
  version: string;
  uname: string;
  gname: string;
  devmajor: string;
  devminor: string;
  prefix: string;
}

/** One member of an archive. */
export interface TarStreamEntry {
  header: OldStyleFormat | PosixUstarFormat;
  path: string;
  readable?: ReadableStream<Uint8Array>;
}

/** Expands a tar archive into its members. */
export class UntarStream
  implements TransformStream<Uint8Array, TarStreamEntry> {
  readonly #readable: ReadableStream<TarStreamEntry>;
  readonly #writable: WritableStream<Uint8Array>;

  constructor() {
    const { readable, writable } = new TransformStream<
      Uint8Array,
      Uint8Array
    >();
    this.#writable = writable;
    this.#readable = ReadableStream.from(readMembers(readable));
  }

  get readable(): ReadableStream<TarStreamEntry> {
    return this.#readable;
  }

  get writable(): WritableStream<Uint8Array> {
    return this.#writable;
  }
}

/** Takes exact numbers of bytes, or what there is, from a stream of chunks. */
class ByteReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  #chunk: Uint8Array = new Uint8Array();

  constructor(stream: ReadableStream<Uint8Array>) {
    this.#reader = stream.getReader();
  }

  /** Up to `limit` bytes as they come, or undefined at the end. */
  async readSome(limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    while (this.#chunk.length === 0) {
      const { done, value } = await this.#reader.read();
      if (done) return undefined;
      this.#chunk = value;
    }
    const taken = this.#chunk.slice(0, limit);
    this.#chunk = this.#chunk.subarray(taken.length);
    return taken;
  }

  /** A whole block, or undefined at the end of the stream. */
  async readBlock(): Promise<Uint8Array | undefined> {
    const block = new Uint8Array(BLOCK);
    let filled = 0;
    while (filled < BLOCK) {
      const part = await this.readSome(BLOCK - filled);
      if (part === undefined) break;
      block.set(part, filled);
      filled += part.length;
    }
    if (filled === 0) return undefined;
    if (filled < BLOCK) {
      throw new RangeError(
        `Cannot read the tar archive: its last block has ${filled} of ${BLOCK} bytes`,
      );
    }
    return block;
  }

  async cancel(reason: unknown): Promise<void> {
    await this.#reader.cancel(reason);
  }
}

async function* readMembers(
  stream: ReadableStream<Uint8Array>,
): AsyncGenerator<TarStreamEntry> {
  const reader = new ByteReader(stream);
  let finished = false;
  try {
    while (true) {
      const block = await reader.readBlock();
      if (block === undefined) {
        throw new TypeError(
          "Cannot read the tar archive: it does not end with two zero blocks",
        );
      }
      if (block.every((byte) => byte === 0)) {
        const second = await reader.readBlock();
        if (second === undefined || second.some((byte) => byte !== 0)) {
          throw new TypeError(
            "Cannot read the tar archive: it does not end with two zero blocks",
          );
        }
        finished = true;
        return;
      }
      const header = parseHeader(block);
      const prefix = "prefix" in header && header.prefix !== ""
        ? `${header.prefix}/`
        : "";
      const entry: TarStreamEntry = { path: prefix + header.name, header };
      if (/^[1-6]$/.test(header.typeflag)) {
        yield entry;
        continue;
      }
      const { readable, finished: consumed } = openBody(reader, header.size);
      yield { ...entry, readable };
      await consumed;
    }
  } finally {
    await reader.cancel(
      finished ? "the archive has ended" : "the archive was abandoned",
    ).catch(
      () => {},
    );
  }
}

/** A member's content, and a promise that settles when it has been used up. */
function openBody(
  reader: ByteReader,
  size: number,
): { readable: ReadableStream<Uint8Array>; finished: Promise<void> } {
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  // Whoever reads the body sees its error; a second, unheard one ends the process.
  promise.catch(() => {});
  let left = size;
  let padding = (BLOCK - size % BLOCK) % BLOCK;
  const next = async (): Promise<Uint8Array<ArrayBuffer> | undefined> => {
    if (left === 0) {
      while (padding > 0) padding -= (await take(reader, padding)).length;
      return undefined;
    }
    const part = await take(reader, left);
    left -= part.length;
    return part;
  };
  const settle = async (run: () => Promise<void>): Promise<void> => {
    try {
      await run();
    } catch (error) {
      reject(error);
      throw error;
    }
  };
  const readable = new ReadableStream({
    type: "bytes",
    pull: (controller) =>
      settle(async () => {
        const part = await next();
        if (part !== undefined) {
          controller.enqueue(part);
          return;
        }
        controller.close();
        controller.byobRequest?.respond(0);
        resolve();
      }),
    cancel: () =>
      settle(async () => {
        while (await next() !== undefined);
        resolve();
      }),
  });
  return { readable, finished: promise };
}

async function take(
  reader: ByteReader,
  limit: number,
): Promise<Uint8Array<ArrayBuffer>> {
  const part = await reader.readSome(limit);
  if (part === undefined) {
    throw new SyntaxError(
      "Cannot read the tar archive: it ends inside a member",
    );
  }
  return part;
}

function parseHeader(block: Uint8Array): OldStyleFormat | PosixUstarFormat {
  const decoder = new TextDecoder();
  const text = (start: number, end: number): string =>
    decoder.decode(block.subarray(start, end));
  const cString = (start: number, end: number): string =>
    text(start, end).split("\0")[0] ?? "";
  const octal = (start: number, end: number): number =>
    Number.parseInt(text(start, end), 8);

  let sum = 0;
  // The checksum counts its own field as spaces.
  block.forEach((byte, at) => sum += at >= 148 && at < 156 ? 32 : byte);
  if (sum !== octal(148, 156)) {
    throw new SyntaxError(
      "Cannot read the tar archive: a header does not match its checksum",
    );
  }
  const typeflag = text(156, 157);
  const header: OldStyleFormat = {
    name: cString(0, 100),
    mode: octal(100, 108),
    uid: octal(108, 116),
    gid: octal(116, 124),
    size: octal(124, 136),
    mtime: octal(136, 148),
    typeflag: typeflag === "\0" ? "0" : typeflag,
    linkname: cString(157, 257),
  };
  if (text(257, 265) !== "ustar\x0000") return header;
  return {
    ...header,
    magic: text(257, 263),
    version: text(263, 265),
    uname: cString(265, 297),
    gname: cString(297, 329),
    devmajor: text(329, 337).replaceAll("\0", ""),
    devminor: text(337, 345).replaceAll("\0", ""),
    prefix: cString(345, 500),
  };
}
