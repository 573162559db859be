import { UntarStream } from "@std/tar/untar-stream";
import type { TarStreamEntry } from "@std/tar/untar-stream";
import { PspfError, type PspfErrorCode } from "../errors.ts";
import { collectBytes } from "../io/collect_bytes.ts";
import { ArchiveInput } from "./archive_input.ts";
import { coalesce } from "./coalesce.ts";
import { decodeText, parsePaxRecords } from "./parse_pax_records.ts";
import { checkEntryPath, checkLinkTarget } from "./path_policy.ts";
import { provideStreamFrom } from "./provide_stream_from.ts";
import type { TarEntry } from "./tar_entry.ts";

/** Limits of {@linkcode readTar}. */
export interface ReadTarOptions {
  /**
   * Most members.
   *
   * @default {1000000}
   */
  readonly maxEntries?: number;
  /**
   * Most bytes of content in all files together; unlimited by default, because
   * the stream itself is bounded by whoever made it.
   */
  readonly maxTotalSize?: number;
  /**
   * Most bytes of one extended header.
   *
   * @default {1048576}
   */
  readonly maxExtensionSize?: number;
}

/** What extended headers say about the next member. */
interface Extensions {
  readonly path?: string;
  readonly target?: string;
  readonly size?: string;
}

/** What a decoder puts where the bytes were no UTF-8. */
const REPLACEMENT = "\ufffd";

/**
 * Reads an archive member by member, without trusting it: paths are checked,
 * set-id bits dropped, devices refused, counts and sizes bounded. Long names
 * come from PAX or GNU headers.
 *
 * @param bytes The archive; read to its end, or cancelled.
 * @param options Limits.
 * @returns The members in archive order.
 * @throws {PspfError} `archive/bad-entry`, `archive/unsafe-path`,
 * `archive/unsupported-entry`, `archive/too-large`, `archive/truncated`, and
 * what the stream itself throws.
 *
 * @example An empty archive
 * ```ts
 * import { readTar } from "@flavor/pspf/archive";
 * import { assertEquals } from "@std/assert";
 *
 * const archive = new Blob([new Uint8Array(1024)]).stream();
 * assertEquals(await Array.fromAsync(readTar(archive)), []);
 * ```
 */
export async function* readTar(
  bytes: ReadableStream<Uint8Array>,
  options: ReadTarOptions = {},
): AsyncGenerator<TarEntry, void, undefined> {
  const {
    maxEntries = 1_000_000,
    maxTotalSize = Infinity,
    maxExtensionSize = 2 ** 20,
  } = options;
  const input = new ArchiveInput(bytes);
  provideStreamFrom();
  const members = input.readable.pipeThrough(new UntarStream()).getReader();
  const explain = (error: unknown): unknown => input.explain(error);
  let extensions: Extensions = {};
  let count = 0;
  let totalSize = 0;
  let open: ReadableStream<Uint8Array> | undefined;
  try {
    while (true) {
      const { done, value: member } = await members.read();
      if (done) break;
      if (++count > maxEntries) throw tooLarge("members", maxEntries);
      if (isExtension(member)) {
        const content = await readExtension(member, maxExtensionSize);
        extensions = { ...extensions, ...content };
        continue;
      }
      const entry = toEntry(member, extensions, explain);
      extensions = {};
      if (entry.kind === "file") {
        totalSize += entry.size;
        if (totalSize > maxTotalSize) {
          throw tooLarge("bytes of content", maxTotalSize);
        }
        open = entry.content;
      }
      yield entry;
      await skipRest(open);
      open = undefined;
    }
    await input.drain();
  } catch (error) {
    throw explain(error);
  } finally {
    // UntarStream does not move while somebody could still read a member, so
    // the source has to go first: then nothing is left to wait for.
    await input.cancel();
    await skipRest(open).catch(() => {});
    await members.cancel().catch(() => {});
  }
}

function isExtension({ header }: TarStreamEntry): boolean {
  return /^[xgLK]$/.test(header.typeflag);
}

async function readExtension(
  member: TarStreamEntry,
  maxSize: number,
): Promise<Extensions> {
  const { header, readable = new Blob().stream() } = member;
  checkSize(member.path, header.size);
  const bytes = await collectBytes(readable, {
    maxSize,
    what: "extended header",
    code: "archive/too-large",
  });
  switch (header.typeflag) {
    case "L":
      return { path: decodeText(withoutNul(bytes)) };
    case "K":
      return { target: decodeText(withoutNul(bytes)) };
    case "x":
      return fromPax(parsePaxRecords(bytes));
    default:
      // A global header speaks about things that are never extracted.
      return {};
  }
}

function fromPax(records: ReadonlyMap<string, string>): Extensions {
  const [path, target, size] = ["path", "linkpath", "size"].map((key) =>
    records.get(key)
  );
  for (const key of records.keys()) {
    if (key.startsWith("GNU.sparse.")) {
      throw refuse(
        "archive/unsupported-entry",
        path ?? "",
        "sparse files are not supported",
      );
    }
  }
  return {
    ...(path !== undefined && { path }),
    ...(target !== undefined && { target }),
    ...(size !== undefined && { size }),
  };
}

function toEntry(
  member: TarStreamEntry,
  extensions: Extensions,
  explain: (error: unknown) => unknown,
): TarEntry {
  const { header, readable } = member;
  const name = extensions.path ?? checkText(member.path);
  const path = checkEntryPath(name);
  const mode = toMode(name, header.mode);
  switch (header.typeflag) {
    case "0": {
      const size = checkSize(name, header.size, extensions.size);
      if (path === "" || name.endsWith("/")) {
        throw badEntry(name, "a file has no name");
      }
      const content = readable ?? new Blob().stream();
      return {
        kind: "file",
        path,
        mode,
        size,
        content: coalesce(content, size, explain),
      };
    }
    case "5":
      return { kind: "directory", path, mode };
    case "1":
    case "2": {
      if (path === "") throw badEntry(name, "a link has no name");
      const target = extensions.target ?? checkText(header.linkname);
      return header.typeflag === "2"
        ? { kind: "symlink", path, target: checkLinkTarget(target) }
        : { kind: "hardlink", path, existing: checkEntryPath(target) };
    }
    default:
      throw refuse(
        "archive/unsupported-entry",
        name,
        `type "${header.typeflag}" is never extracted`,
      );
  }
}

/**
 * `UntarStream` reads only octal sizes. A file of 8 GiB and more has its size
 * in another place, and would be cut short without a word.
 */
function checkSize(path: string, size: number, paxSize?: string): number {
  if (!Number.isSafeInteger(size) || size < 0) {
    throw refuse(
      "archive/too-large",
      path,
      "its size is no octal number; files end at 8 GiB",
    );
  }
  if (paxSize !== undefined && !/^\d+$/.test(paxSize)) {
    throw badEntry(path, `its size "${paxSize}" is no number`);
  }
  if (paxSize !== undefined && Number(paxSize) !== size) {
    throw refuse(
      "archive/too-large",
      path,
      `its size ${paxSize} is not in the header`,
    );
  }
  return size;
}

/** Set-id and sticky bits are never extracted. */
function toMode(path: string, mode: number): number {
  if (!Number.isSafeInteger(mode) || mode < 0) {
    throw badEntry(path, "its mode is no octal number");
  }
  return mode & 0o777;
}

function checkText(text: string): string {
  if (text.includes(REPLACEMENT)) {
    throw badEntry(text, "its name is not valid UTF-8");
  }
  return text;
}

function withoutNul(bytes: Uint8Array): Uint8Array {
  const nul = bytes.indexOf(0);
  return nul < 0 ? bytes : bytes.subarray(0, nul);
}

async function skipRest(
  content: ReadableStream<Uint8Array> | undefined,
): Promise<void> {
  // A stream that somebody has locked is theirs to finish.
  if (content !== undefined && !content.locked) await content.cancel();
}

function badEntry(path: string, problem: string): PspfError {
  return refuse("archive/bad-entry", path, problem);
}

function refuse(code: PspfErrorCode, path: string, problem: string): PspfError {
  return new PspfError(code, `Cannot extract "${path}": ${problem}`, {
    context: { path },
  });
}

function tooLarge(what: string, limit: number): PspfError {
  return new PspfError(
    "archive/too-large",
    `Cannot read the archive: more than ${limit} ${what}`,
    {
      context: { what, expected: limit },
    },
  );
}
