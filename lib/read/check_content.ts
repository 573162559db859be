import { equals } from "@std/bytes/equals";
import { createSha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import { FRAME_DIGEST_SIZE, type FrameTable } from "../format/frames.ts";
import { takeTurn } from "../io/node_builtin.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { CheckLog } from "./check_log.ts";
import { digestError } from "./check_trust.ts";
import type { OpenedPackage } from "./open_package.ts";
import { type PackageSlot, sectionsOf } from "./resolve_slots.ts";
import {
  checkSlotDigest,
  isSelfReference,
  parseChecksum,
} from "./slot_content.ts";

/** Options of {@linkcode checkContent}. */
export interface ContentOptions {
  /** Stops reading. */
  readonly signal?: AbortSignal | undefined;
  /** Gets the number of bytes that were checked since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** A read of this size stays in the processor's cache. */
const READ_SIZE = 1024 * 1024;

/** After this much others have their turn. */
const TURN_SIZE = 8 * READ_SIZE;

/**
 * Checks the bytes that opening a package leaves alone: the slots, the
 * launcher, and that nothing hides between them.
 */
export async function checkContent(
  opened: OpenedPackage,
  log: CheckLog,
  options: ContentOptions,
): Promise<void> {
  for (const slot of opened.slots) {
    const id = `slot-digest/${slot.index}`;
    const name = `Slot ${slot.index} ("${slot.id}")`;
    if (isSelfReference(slot)) {
      log.skip(id, `${name} stands for the package itself`);
      continue;
    }
    await log.proof(
      id,
      `${name} has the signed SHA-256`,
      () => checkSlot(opened, slot, options),
      log.level !== "none",
    );
  }
  await checkLauncher(opened, log, options);
  await checkPadding(opened, log, options);
}

async function checkSlot(
  { source, level }: OpenedPackage,
  slot: PackageSlot,
  options: ContentOptions,
): Promise<void> {
  const { offset, size, frames } = slot;
  // The slot's own digest is the authority; a frame is checked when it is read.
  const frameCheck = frames && level === "strict"
    ? new FrameCheck(slot, frames)
    : undefined;
  const digest = await digestRange(source, offset, size, options, frameCheck);
  if (level !== "none") checkSlotDigest(slot, digest);
  frameCheck?.finish();
}

/** Compares each frame with the signed table: parts are read by it alone. */
class FrameCheck {
  readonly #slot: PackageSlot;
  readonly #frames: FrameTable;
  #index = 0;
  #left: number;
  #hash = createSha256();
  #bad: number | undefined;

  constructor(slot: PackageSlot, frames: FrameTable) {
    this.#slot = slot;
    this.#frames = frames;
    this.#left = frames.stored[0] ?? 0;
  }

  async add(chunk: Uint8Array): Promise<void> {
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + this.#left);
      await this.#hash.update(part);
      at += part.length;
      this.#left -= part.length;
      if (this.#left > 0) continue;
      const start = this.#index * FRAME_DIGEST_SIZE;
      const expected = this.#frames.digests.subarray(
        start,
        start + FRAME_DIGEST_SIZE,
      );
      const digest = await this.#hash.digest();
      if (!equals(digest.subarray(0, FRAME_DIGEST_SIZE), expected)) {
        this.#bad ??= this.#index;
      }
      this.#hash = createSha256();
      this.#left = this.#frames.stored[++this.#index] ?? Infinity;
    }
  }

  finish(): void {
    if (this.#bad === undefined) return;
    const { index, id } = this.#slot;
    throw new PspfError(
      "verify/slot-digest",
      `Cannot trust slot ${index} ("${id}"): its frame ${this.#bad} has another digest than the signed table says`,
      { context: { slot: index, frame: this.#bad } },
    );
  }
}

/**
 * Hashes a part of a source: where it can, at once and into the same memory all
 * the time.
 */
async function digestRange(
  source: RandomAccessSource,
  offset: number,
  size: number,
  { signal, onProgress }: ContentOptions,
  frames?: FrameCheck,
): Promise<Uint8Array> {
  const hash = createSha256();
  const take = async (chunk: Uint8Array): Promise<void> => {
    const hashed = hash.update(chunk);
    if (hashed !== undefined) await hashed;
    await frames?.add(chunk);
    onProgress?.(chunk.length);
  };
  if (source.readInto === undefined) {
    for await (const chunk of source.stream(offset, size, { signal })) {
      await take(chunk);
    }
    return await hash.digest();
  }
  const memory = new Uint8Array(Math.min(size, READ_SIZE));
  for (let done = 0; done < size;) {
    signal?.throwIfAborted();
    const count = source.readInto(
      offset + done,
      memory.subarray(0, size - done),
    );
    if (count === 0) throw endsEarly(source, offset + done);
    await take(memory.subarray(0, count));
    done += count;
    if (done % TURN_SIZE === 0) {
      await takeTurn();
    }
  }
  return await hash.digest();
}

/** The error for a source that has fewer bytes than it said. */
export function endsEarly(
  { name, size }: RandomAccessSource,
  offset: number,
): PspfError {
  return new PspfError(
    "io/failed",
    `Cannot read "${name}": it ends at ${offset}, expected ${size} bytes`,
    {
      context: { path: name, offset, expected: size },
      hint: "The file changed while it was read; try again",
    },
  );
}

async function checkLauncher(
  opened: OpenedPackage,
  log: CheckLog,
  options: ContentOptions,
): Promise<void> {
  const { source, index: { launcher }, seal, metadata } = opened;
  const named = parseChecksum(metadata.launcher?.checksum ?? "");
  const expected = [seal?.launcherDigest, named].filter((digest) =>
    digest !== undefined
  );
  if (expected.length === 0) {
    log.skip(
      "launcher-digest",
      "The package does not name the digest of its launcher",
    );
    return;
  }
  await log.proof(
    "launcher-digest",
    "The launcher has the recorded SHA-256",
    async () => {
      const { offset, size } = launcher;
      const digest = await digestRange(source, offset, size, options);
      const other = expected.find((one) => !equals(digest, one));
      if (other === undefined) return;
      throw digestError("verify/launcher-digest", "launcher", digest, other);
    },
  );
}

async function checkPadding(
  opened: OpenedPackage,
  log: CheckLog,
  { signal }: ContentOptions,
): Promise<void> {
  if (opened.seal === undefined) {
    log.skip(
      "padding",
      "Only a sealed package promises zeros between its sections",
    );
    return;
  }
  const { index, slots, source } = opened;
  await log.proof(
    "padding",
    "Only zeros stand between the sections",
    async () => {
      let end = 0;
      const trailer = { offset: index.trailerOffset, size: 0 };
      for (const { offset, size } of [...sectionsOf(index, slots), trailer]) {
        if (offset > end) {
          const gap = source.stream(end, offset - end, { signal });
          await checkZeros(gap, end);
        }
        end = offset + size;
      }
    },
  );
}

async function checkZeros(
  gap: ReadableStream<Uint8Array>,
  start: number,
): Promise<void> {
  let offset = start;
  for await (const chunk of gap) {
    const at = chunk.findIndex((byte) => byte !== 0);
    if (at >= 0) {
      throw new PspfError(
        "format/bad-padding",
        `Cannot trust the package: byte ${
          offset + at
        } between two sections is not zero`,
        {
          context: { offset: offset + at, expected: 0, actual: chunk[at] ?? 0 },
          hint: "The package was changed after it was built; do not run it",
        },
      );
    }
    offset += chunk.length;
  }
}
