import { concat } from "@std/bytes/concat";
import { equals } from "@std/bytes/equals";
import { type MemberPlace, placeMember } from "../archive/member_place.ts";
import { checkEntryPath, comparePaths } from "../archive/path_policy.ts";
import { getCodec } from "../compress/codec.ts";
import { sha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import {
  FRAME_DIGEST_SIZE,
  FRAME_UNIT,
  type FrameTable,
} from "../format/frames.ts";
import { Operation } from "../format/operations.ts";
import { collectBytes } from "../io/collect_bytes.ts";
import { streamFrom } from "../io/stream_from.ts";
import { readAhead } from "../io/read_ahead.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { OpenedPackage } from "./open_package.ts";
import type { PackageSlot } from "./resolve_slots.ts";
import { type ExtractOptions, slotEntries } from "./slot_content.ts";

/** One file of a slot. */
export interface SlotFile {
  /** Path below the workenv. */
  readonly path: string;
  /** Permission bits, at most 0o777. */
  readonly mode: number;
  /** Length in bytes, where it is known. */
  readonly size: number | undefined;
  /** The bytes; nothing of them is proved before the stream has closed. */
  readonly content: ReadableStream<Uint8Array>;
}

/**
 * Finds one file of a slot. Where the signed metadata names frames, only those
 * are read that hold the file, and a few to find it: members are sorted by
 * their paths, so the search halves what is left with each frame. Each frame is
 * held to its signed digest. Other slots are read to their end, because their
 * one digest is judged there.
 */
export async function openSlotFile(
  opened: OpenedPackage,
  slot: PackageSlot,
  path: string,
  options: ExtractOptions = {},
): Promise<SlotFile> {
  const wanted = checkEntryPath(path);
  const { frames, operations } = slot;
  if (frames === undefined || !operations.isArchive) {
    return await openByReading(opened, slot, wanted, options);
  }
  const archive = new FramedArchive(opened, slot, frames, options);
  let member = await archive.find(wanted);
  if (member?.kind === "hardlink") {
    member = await archive.find(checkEntryPath(member.target));
  }
  checkKind(slot, wanted, member?.kind, member?.target);
  const { mode, size, content } = member as MemberPlace;
  return {
    path: wanted,
    mode,
    size,
    content: streamFrom(archive.chunks(content, size)),
  };
}

/** Reads a slot to its end; the file comes first. */
async function openByReading(
  opened: OpenedPackage,
  slot: PackageSlot,
  wanted: string,
  options: ExtractOptions,
  isLinked = false,
): Promise<SlotFile> {
  const entries = slotEntries(opened, slot, options);
  for (;;) {
    const { done, value: entry } = await entries.next();
    if (done === true) throw noSuchFile(slot, wanted);
    if (entry.path !== wanted) continue;
    if (entry.kind === "hardlink") {
      await entries.return();
      // Links that lead to each other would lead nowhere, for ever.
      if (isLinked) throw noSuchFile(slot, wanted);
      const { existing } = entry;
      return {
        ...await openByReading(opened, slot, existing, options, true),
        path: wanted,
      };
    }
    if (entry.kind !== "file") {
      await entries.return();
      const target = entry.kind === "symlink" ? entry.target : undefined;
      checkKind(slot, wanted, entry.kind, target);
    } else {
      const { mode, size, content } = entry;
      return {
        path: wanted,
        mode,
        size,
        content: streamFrom(withRest(content, entries)),
      };
    }
  }
}

async function* withRest(
  content: ReadableStream<Uint8Array>,
  rest: AsyncGenerator<unknown>,
): AsyncGenerator<Uint8Array, void, undefined> {
  try {
    yield* content;
    for await (const _ of rest);
  } finally {
    await rest.return(undefined);
  }
}

function checkKind(
  slot: PackageSlot,
  path: string,
  kind: string | undefined,
  target?: string,
): void {
  if (kind === "file") return;
  if (kind === "directory") throw noSuchFile(slot, path, "it is a directory");
  if (kind !== "symlink") throw noSuchFile(slot, path);
  const says = `it is a symbolic link to ${JSON.stringify(target ?? "")}`;
  throw noSuchFile(slot, path, says);
}

function noSuchFile(
  { index, id }: PackageSlot,
  path: string,
  problem = "there is no such file",
): PspfError {
  return new PspfError(
    "io/not-found",
    `Cannot read ${
      JSON.stringify(path)
    } of slot ${index} ("${id}"): ${problem}`,
    {
      context: { slot: index, path },
      hint: 'List the files with "flavor inspect --tree"',
    },
  );
}

/** One frame of a slot: where it is in the file, and its part of the archive. */
interface Frame {
  readonly index: number;
  readonly offset: number;
  readonly stored: number;
  readonly start: number;
  readonly size: number;
  readonly digest: Uint8Array;
  /** Whether it goes on with the member that the frame before it holds. */
  readonly goesOn: boolean;
}

function framesOf({ offset: first }: PackageSlot, table: FrameTable): Frame[] {
  let [offset, start, goesOn] = [first, 0, false];
  return table.stored.map((stored, index) => {
    const size = table.content[index] as number;
    const at = index * FRAME_DIGEST_SIZE;
    const digest = table.digests.subarray(at, at + FRAME_DIGEST_SIZE);
    const frame = { index, offset, stored, start, size, digest, goesOn };
    offset += stored;
    start += size;
    // Only a frame of exactly so many bytes may be followed by one that goes on
    // with the same file; all others are followed by the head of a member.
    goesOn = size % FRAME_UNIT === 0;
    return frame;
  });
}

/** An archive that is read frame by frame. */
class FramedArchive {
  readonly #opened: OpenedPackage;
  readonly #slot: PackageSlot;
  readonly #options: ExtractOptions;
  readonly #frames: readonly Frame[];
  /** The frame that was read last: heads and small files stand together. */
  #last: { readonly index: number; readonly bytes: Uint8Array } | undefined;

  constructor(
    opened: OpenedPackage,
    slot: PackageSlot,
    table: FrameTable,
    options: ExtractOptions,
  ) {
    this.#opened = opened;
    this.#slot = slot;
    this.#options = options;
    this.#frames = framesOf(slot, table);
  }

  async find(path: string): Promise<MemberPlace | undefined> {
    let heads = this.#frames.filter(({ goesOn }) => !goesOn)
      .map(({ start }) => start);
    while (heads.length > 1) {
      const later = heads.splice(heads.length >> 1);
      const [start = Infinity] = later;
      const first = await this.#place(start);
      const isBefore = first !== undefined &&
        comparePaths(first.path, path) <= 0;
      if (isBefore) heads = later;
    }
    const [start = Infinity] = heads;
    return await this.#walk(path, start, Infinity) ??
      // Packages of others may be in another order.
      await this.#walk(path, 0, start);
  }

  async #walk(
    path: string,
    start: number,
    end: number,
  ): Promise<MemberPlace | undefined> {
    for (let at = start; at < end;) {
      const member = await this.#place(at);
      if (member === undefined || member.path === path) return member;
      at = member.end;
    }
    return undefined;
  }

  #place(at: number): Promise<MemberPlace | undefined> {
    return placeMember((offset, length) => this.#read(offset, length), at);
  }

  /** Some bytes of the archive; heads may reach into the next frame. */
  async #read(offset: number, length: number): Promise<Uint8Array> {
    return concat(await Array.fromAsync(this.chunks(offset, length)));
  }

  /** A part of the archive; the frames come as one stream. */
  async *chunks(
    offset: number,
    length: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (length === 0) return;
    const end = offset + length;
    const first = this.#frameAt(offset);
    let after = first;
    while ((this.#frames[after]?.start ?? end) < end) after++;
    const frames = this.#frames.slice(first, after);
    const last = frames.at(-1);
    if (last === undefined || last.start + last.size < end) {
      throw new PspfError(
        "archive/truncated",
        "Cannot read the archive: it ends early",
        { context: { slot: this.#slot.index, expected: end } },
      );
    }
    await using source = readAhead(
      this.#opened.source,
      last.offset + last.stored,
    );
    for (const frame of frames) {
      const bytes = await this.#open(frame, source);
      yield bytes.subarray(
        Math.max(0, offset - frame.start),
        end - frame.start,
      );
    }
  }

  /** An archive may have 65,536 frames, and each of its members is looked up. */
  #frameAt(offset: number): number {
    let low = 0;
    for (let high = this.#frames.length; high - low > 1;) {
      const middle = (low + high) >> 1;
      if ((this.#frames[middle]?.start ?? Infinity) <= offset) low = middle;
      else high = middle;
    }
    return low;
  }

  /** The content of a frame, held to its digest. */
  async #open(frame: Frame, source: RandomAccessSource): Promise<Uint8Array> {
    const { index, offset, stored, size } = frame;
    if (this.#last?.index === index) return this.#last.bytes;
    const { signal, onProgress } = this.#options;
    const slot = this.#slot;
    const what = `frame ${index} of slot ${slot.index} ("${slot.id}")`;
    const bytes = await collectBytes(
      source.stream(offset, stored, { signal }),
      { maxSize: stored, what, code: "io/failed" },
    );
    onProgress?.(stored);
    const digest = (await sha256(bytes)).subarray(0, FRAME_DIGEST_SIZE);
    if (this.#opened.level !== "none" && !equals(digest, frame.digest)) {
      throw new PspfError(
        "verify/slot-digest",
        `Cannot trust the ${what}: its digest is not the signed one`,
        {
          context: { slot: slot.index, frame: index },
          hint: "The package is damaged or was changed; get a fresh copy",
        },
      );
    }
    const isPacked = [...slot.operations].includes(Operation.ZSTD);
    const plain = isPacked
      ? await collectBytes(
        streamFrom([bytes].values()).pipeThrough(
          getCodec(Operation.ZSTD).decode({ name: what, maxSize: size }),
        ),
        { maxSize: size, what, code: "compress/too-large" },
      )
      : bytes;
    if (plain.length !== size) {
      throw new PspfError(
        "compress/corrupt",
        `Cannot read the ${what}: it has ${plain.length} bytes, expected ${size}`,
        { context: { slot: slot.index, frame: index } },
      );
    }
    this.#last = { index, bytes: plain };
    return plain;
  }
}
