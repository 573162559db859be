import { UntarStream } from "@std/tar/untar-stream";
import type { TarStreamEntry } from "@std/tar/untar-stream";
import { PspfError, type PspfErrorCode } from "../errors.ts";
import { PERMISSION_BITS } from "../io/extract_target.ts";
import { streamFrom } from "../io/stream_from.ts";
import { ArchiveInput, truncated } from "./archive_input.ts";
import { decodeText, parsePaxRecords } from "./pax.ts";
import { checkEntryPath, checkLinkTarget } from "./path_policy.ts";
import { TAR_BLOCK_SIZE } from "./tar_header.ts";

/**
 * One member of an archive that is being read. Paths are checked, and empty for
 * the root of the archive itself; modes are permission bits, at most 0o777.
 * What is left of a file's content when the next entry is asked for is skipped;
 * a hard link repeats a member that stands before it.
 */
export type TarEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | {
    readonly kind: "file";
    readonly path: string;
    readonly mode: number;
    /** Length in bytes. */
    readonly size: number;
    readonly content: ReadableStream<Uint8Array>;
  }
  | { readonly kind: "symlink"; readonly path: string; readonly target: string }
  | {
    readonly kind: "hardlink";
    readonly path: string;
    readonly existing: string;
  };

/** Limits of {@linkcode readTar}. */
export interface ReadTarOptions {
  /** Most members; 1,000,000 by default. */
  readonly maxEntries?: number | undefined;
  /** Most bytes of content in all files together; unlimited by default. */
  readonly maxTotalSize?: number | undefined;
}

/** What extended headers say about the next member. */
interface Extensions {
  readonly path?: string | undefined;
  readonly target?: string | undefined;
  readonly size?: string | undefined;
}

/** What a decoder puts where the bytes were not UTF-8. */
const REPLACEMENT = "\ufffd";

const KINDS: Readonly<Record<string, TarEntry["kind"]>> = {
  "0": "file",
  "1": "hardlink",
  "2": "symlink",
  "5": "directory",
};

/** Most bytes of one extended header: it is held in memory. */
const MAX_EXTENSION_SIZE = 1024 * 1024;

/** Large enough that one write of it is cheap, small enough not to be felt. */
const CHUNK_SIZE = 256 * 1024;

/**
 * Reads an archive member by member, without trusting it: paths are checked,
 * set-id bits dropped, devices refused, counts and sizes bounded. Long names
 * come from PAX or GNU headers.
 */
export async function* readTar(
  bytes: ReadableStream<Uint8Array>,
  options: ReadTarOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const { maxEntries = 1_000_000, maxTotalSize = Infinity } = options;
  const input = new ArchiveInput(bytes);
  provideStreamFrom();
  const members = input.readable.pipeThrough(new UntarStream()).getReader();
  let extensions: Extensions = {};
  let count = 0;
  let totalSize = 0;
  try {
    while (true) {
      const { done, value: member } = await input.explained(members.read());
      if (done) break;
      if (++count > maxEntries) throw tooLarge("members", maxEntries);
      const content = new MemberContent(input, member);
      if (/^[xgLK]$/.test(member.header.typeflag)) {
        const found = await readExtension(member, content);
        extensions = { ...extensions, ...found };
      } else {
        const entry = toEntry(member, extensions, content);
        extensions = {};
        if (entry.kind === "file") totalSize += entry.size;
        if (totalSize > maxTotalSize) {
          throw tooLarge("bytes of content", maxTotalSize);
        }
        yield entry;
      }
      await content.skipRest();
    }
    await input.drain();
  } finally {
    await input.cancel();
    await members.cancel().catch(() => {});
  }
}

/** The content of a member: taken from the input while `UntarStream` skips it. */
class MemberContent {
  readonly #input: ArchiveInput;
  readonly #readable: ReadableStream<Uint8Array> | undefined;
  /** Bytes of content and of padding that have not been taken. */
  #left: number;
  #padding: number;
  #skipping: Promise<void> | undefined;
  #turn: Promise<unknown> = Promise.resolve();

  constructor(input: ArchiveInput, { header, readable }: TarStreamEntry) {
    this.#input = input;
    this.#readable = readable;
    this.#left = readable === undefined ? 0 : header.size;
    this.#padding = (TAR_BLOCK_SIZE - this.#left % TAR_BLOCK_SIZE) %
      TAR_BLOCK_SIZE;
    input.skip(TAR_BLOCK_SIZE);
  }

  /** Takes some content; there is less than that at its end. */
  async take(most: number): Promise<Uint8Array> {
    void this.#skip();
    const part = new Uint8Array(Math.min(most, this.#left));
    this.#left -= part.length;
    const taking = this.#input.take(part);
    this.#turn = taking.catch(() => {});
    if (await taking < part.length) throw truncated();
    return part;
  }

  stream(): ReadableStream<Uint8Array> {
    let missing = this.#left;
    return new ReadableStream<Uint8Array>({
      pull: async (controller): Promise<void> => {
        const part = await this.take(CHUNK_SIZE);
        if (part.length > 0) controller.enqueue(part);
        missing -= part.length;
        if (this.#left > 0) return;
        if (missing > 0) {
          throw new TypeError("Cannot read on: the next member was asked for");
        }
        controller.close();
      },
      // Nobody has to wait: there may be gigabytes, and perhaps no next member.
      cancel: () => void this.skipRest().catch(() => {}),
    }, { highWaterMark: 0 });
  }

  /** Waits until `UntarStream` is ready for the next member. */
  async skipRest(): Promise<void> {
    await this.#turn;
    this.#input.skip(this.#left + this.#padding);
    this.#left = 0;
    this.#padding = 0;
    await this.#input.explained(this.#skip());
  }

  #skip(): Promise<void> {
    if (this.#skipping === undefined) {
      this.#skipping = this.#readable?.cancel() ?? Promise.resolve();
      // Who waits for it sees its error; a second, unheard one ends the process.
      this.#skipping.catch(() => {});
    }
    return this.#skipping;
  }
}

async function readExtension(
  { path, header }: TarStreamEntry,
  content: MemberContent,
): Promise<Extensions> {
  const size = checkSize(path, header.size);
  if (size > MAX_EXTENSION_SIZE) {
    throw tooLarge("bytes in an extended header", MAX_EXTENSION_SIZE);
  }
  // A global header speaks about things that are never extracted.
  if (header.typeflag === "g") return {};
  const bytes = await content.take(size);
  if (header.typeflag === "x") return fromPax(parsePaxRecords(bytes));
  const nul = bytes.indexOf(0);
  const text = decodeText(nul < 0 ? bytes : bytes.subarray(0, nul));
  return header.typeflag === "L" ? { path: text } : { target: text };
}

function fromPax(records: ReadonlyMap<string, string>): Extensions {
  const path = records.get("path");
  if ([...records.keys()].some((key) => key.startsWith("GNU.sparse."))) {
    throw unsupported(path ?? "", "sparse files are not supported");
  }
  const target = records.get("linkpath");
  const size = records.get("size");
  return {
    ...(path !== undefined && { path }),
    ...(target !== undefined && { target }),
    ...(size !== undefined && { size }),
  };
}

function toEntry(
  { path: stored, header }: TarStreamEntry,
  extensions: Extensions,
  content: MemberContent,
): TarEntry {
  const name = extensions.path ?? checkText(stored);
  const path = checkEntryPath(name);
  const mode = toMode(name, header.mode);
  const kind = KINDS[header.typeflag];
  if (kind === undefined) {
    throw unsupported(name, `type "${header.typeflag}" is never extracted`);
  }
  if (kind === "directory") return { kind, path, mode };
  if (kind === "file") {
    const size = checkSize(name, header.size, extensions.size);
    if (path === "" || name.endsWith("/")) {
      throw refuse("archive/bad-entry", name, "a file must have a name");
    }
    return { kind, path, mode, size, content: content.stream() };
  }
  if (path === "") {
    throw refuse("archive/bad-entry", name, "a link must have a name");
  }
  const target = extensions.target ?? checkText(header.linkname);
  return kind === "symlink"
    ? { kind, path, target: checkLinkTarget(target) }
    : { kind, path, existing: checkEntryPath(target) };
}

/**
 * `UntarStream` reads only octal sizes. A file of 8 GiB and more has its size
 * in another place, and would be cut short without a word.
 */
function checkSize(path: string, size: number, paxSize?: string): number {
  if (!Number.isSafeInteger(size) || size < 0) {
    const problem = "its size is not an octal number; files end at 8 GiB";
    throw refuse("archive/too-large", path, problem);
  }
  if (paxSize === undefined) return size;
  if (!/^\d+$/.test(paxSize)) {
    throw refuse("archive/bad-entry", path, `its size is "${paxSize}"`);
  }
  if (Number(paxSize) === size) return size;
  const problem = `its size ${paxSize} is not in the header`;
  throw refuse("archive/too-large", path, problem);
}

/** Set-id and sticky bits are never extracted. */
function toMode(path: string, mode: number): number {
  if (Number.isSafeInteger(mode) && mode >= 0) return mode & PERMISSION_BITS;
  throw refuse("archive/bad-entry", path, "its mode is not an octal number");
}

function checkText(text: string): string {
  if (!text.includes(REPLACEMENT)) return text;
  throw refuse("archive/bad-entry", text, "its name is not valid UTF-8");
}

function unsupported(path: string, problem: string): PspfError {
  return refuse("archive/unsupported-entry", path, problem);
}

function refuse(code: PspfErrorCode, path: string, problem: string): PspfError {
  const message = `Cannot extract ${JSON.stringify(path)}: ${problem}`;
  return new PspfError(code, message, { context: { path } });
}

function tooLarge(what: string, limit: number): PspfError {
  return new PspfError(
    "archive/too-large",
    `Cannot read the archive: it has more than ${limit} ${what}`,
    { context: { what, expected: limit } },
  );
}

/**
 * Defines `ReadableStream.from` where the runtime lacks it, as Chromium does:
 * `UntarStream` cannot be made without. A runtime that has it is left alone.
 */
export function provideStreamFrom(): void {
  if (Object.hasOwn(ReadableStream, "from")) return;
  Object.defineProperty(ReadableStream, "from", {
    configurable: true,
    writable: true,
    value: <Chunk>(
      chunks: Iterable<Chunk> | AsyncIterable<Chunk>,
    ): ReadableStream<Chunk> =>
      streamFrom(
        Symbol.asyncIterator in chunks
          ? chunks[Symbol.asyncIterator]()
          : chunks[Symbol.iterator](),
      ),
  });
}
