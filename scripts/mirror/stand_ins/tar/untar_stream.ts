/**
 * A stand-in for `@std/tar/untar-stream`, which the npm registry does not
 * carry: the same class, written to its documented behaviour.
 *
 * Like the original it reads ustar members, checks each header's checksum,
 * gives every member that is not a link, device, folder or FIFO a `readable`
 * (PAX and GNU extension members too), hands out the next member only when
 * that `readable` has been consumed or cancelled, and reads ahead of what it
 * hands out: its input may have ended long before an error shows.
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
  readonly readable: ReadableStream<TarStreamEntry>;
  readonly writable: WritableStream<Uint8Array>;

  constructor() {
    const { readable, writable } = cutIntoBlocks();
    this.writable = writable;
    this.readable = ReadableStream.from(readMembers(new BlockReader(readable)));
  }
}

/** Like the original's, it takes a whole chunk in before the first block is read. */
function cutIntoBlocks(): TransformStream<Uint8Array, Uint8Array> {
  let rest: Uint8Array = new Uint8Array();
  return new TransformStream<Uint8Array, Uint8Array>({
    transform(chunk, controller): void {
      let bytes = chunk;
      if (rest.length > 0) {
        bytes = new Uint8Array(rest.length + chunk.length);
        bytes.set(rest);
        bytes.set(chunk, rest.length);
      }
      const end = bytes.length - bytes.length % BLOCK;
      for (let at = 0; at < end; at += BLOCK) {
        controller.enqueue(bytes.slice(at, at + BLOCK));
      }
      rest = bytes.slice(end);
    },
    flush(controller): void {
      if (rest.length > 0) controller.enqueue(rest);
    },
  });
}

/** Gives out blocks while it holds the two that follow. */
class BlockReader {
  readonly #reader: ReadableStreamDefaultReader<Uint8Array>;
  readonly ahead: Uint8Array[] = [];

  constructor(blocks: ReadableStream<Uint8Array>) {
    this.#reader = blocks.getReader();
  }

  /** Fills up to two blocks. */
  async begin(): Promise<void> {
    while (this.ahead.length < 2) {
      const { value } = await this.#reader.read();
      if (value?.length !== BLOCK) {
        throw new RangeError("Cannot read the tar archive: it is too small");
      }
      this.ahead.push(value);
    }
  }

  /** The next block, or `undefined` when there are not three left. */
  async next(): Promise<Uint8Array | undefined> {
    const { value } = await this.#reader.read();
    if (value === undefined) return undefined;
    if (value.length !== BLOCK) {
      throw new RangeError(
        `Cannot read the tar archive: a block has ${value.length} bytes`,
      );
    }
    this.ahead.push(value);
    return this.ahead.shift();
  }

  /** Whether nothing but zeros follows. */
  get isAtEnd(): boolean {
    return this.ahead.every((block) => block.every((byte) => byte === 0));
  }

  async cancel(): Promise<void> {
    await this.#reader.cancel("the archive has ended");
  }
}

async function* readMembers(
  blocks: BlockReader,
): AsyncGenerator<TarStreamEntry> {
  await blocks.begin();
  while (true) {
    if (blocks.isAtEnd) return await blocks.cancel();
    const block = await blocks.next();
    if (block === undefined) {
      throw new TypeError(
        "Cannot read the tar archive: it does not end with two zero blocks",
      );
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
    const { readable, finished } = openBody(blocks, header.size);
    yield { ...entry, readable };
    await finished;
  }
}

/** A member's content, and a promise that settles when it has been used up. */
function openBody(
  blocks: BlockReader,
  size: number,
): { readable: ReadableStream<Uint8Array>; finished: Promise<void> } {
  const { promise, resolve } = Promise.withResolvers<void>();
  let left = size;
  const next = async (): Promise<Uint8Array> => {
    const block = await blocks.next();
    if (block === undefined) {
      throw new SyntaxError(
        "Cannot read the tar archive: it ends inside a member",
      );
    }
    left -= BLOCK;
    return block;
  };
  const readable = new ReadableStream({
    type: "bytes",
    async pull(controller): Promise<void> {
      if (left > 0) {
        const most = left;
        return controller.enqueue((await next()).slice(0, most));
      }
      resolve();
      controller.close();
      controller.byobRequest?.respond(0);
    },
    async cancel(): Promise<void> {
      while (left > 0) await next();
      resolve();
    },
  });
  return { readable, finished: promise };
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
