import { decodeHex } from "@std/encoding/hex";
import { equals } from "@std/bytes/equals";
import { extractTar } from "../archive/extract_tar.ts";
import { checkEntryPath } from "../archive/path_policy.ts";
import { readTar } from "../archive/read_tar.ts";
import {
  type CompressionCode,
  getCodec,
  isCompression,
} from "../compress/codec.ts";
import { createSha256 } from "../crypto/sha256.ts";
import { shortHashOf } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import type { PackageInfo } from "../format/metadata.ts";
import { Operation } from "../format/operations.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import { digestError } from "./check_trust.ts";
import type { OpenedPackage } from "./open_package.ts";
import type { PackageSlot } from "./resolve_slots.ts";

/** Options of {@linkcode streamSlot}. */
export interface StreamSlotOptions {
  /**
   * Whether to give the stored bytes instead of the decoded ones.
   *
   * @default {false}
   */
  readonly raw?: boolean | undefined;
  /** Stops reading. */
  readonly signal?: AbortSignal | undefined;
  /** Gets the number of stored bytes that were read since the last call. */
  readonly onProgress?: ((bytes: number) => void) | undefined;
}

/** Options of {@linkcode extractSlot}. */
export type ExtractOptions = Omit<StreamSlotOptions, "raw">;

/**
 * Streams the content of a slot: decompressed, an archive as one tar stream.
 * The digest is checked along the way and judged at the end, so nothing must
 * be published before the stream has closed. What comes out is bounded by the
 * declared size, or by 200 times the input above 64 MiB where none can be
 * relied on.
 */
export function streamSlot(
  opened: OpenedPackage,
  slot: PackageSlot,
  options: StreamSlotOptions = {},
): ReadableStream<Uint8Array> {
  const { raw = false, signal, onProgress } = options;
  // Before anything is opened, so that a refusal leaves nothing behind.
  const decoders = raw ? [] : openDecoders(slot);
  const stored = opened.source.stream(slot.offset, slot.size, { signal });
  const judge = opened.level === "none"
    ? (): void => {}
    : (digest: Uint8Array): void => checkSlotDigest(slot, digest);
  const checked: ReadableStream<Uint8Array> = stored.pipeThrough(
    new DigestCheck(judge, onProgress),
  );
  return decoders.reduce(
    (bytes, decoder) => bytes.pipeThrough(decoder),
    checked,
  );
}

/**
 * Bytes that pass through unchanged and are hashed on the way. The verdict
 * comes at the end, so whoever consumes them has to read all of them and must
 * not publish anything before the stream has closed.
 */
class DigestCheck extends TransformStream<Uint8Array, Uint8Array> {
  constructor(
    judge: (digest: Uint8Array) => void,
    onProgress: ((length: number) => void) | undefined,
  ) {
    const hash = createSha256();
    super({
      async transform(chunk, controller): Promise<void> {
        const hashed = hash.update(chunk);
        if (hashed !== undefined) await hashed;
        onProgress?.(chunk.length);
        controller.enqueue(chunk);
      },
      async flush(): Promise<void> {
        judge(await hash.digest());
      },
    });
  }
}

/** Opens what undoes the compressions, the last one first. */
function openDecoders(
  slot: PackageSlot,
): readonly ReadableWritablePair<Uint8Array, Uint8Array>[] {
  const codes = compressionsOf(slot);
  const name = `slot ${slot.index} ("${slot.id}")`;
  return codes.toReversed().map((code, position) => {
    const isLast = position === codes.length - 1;
    const maxSize = isLast ? slot.contentSize : undefined;
    return getCodec(code).decode({ name, maxSize });
  });
}

function compressionsOf(
  { operations }: PackageSlot,
): readonly CompressionCode[] {
  const codes = [...operations];
  const compressions = codes.filter(isCompression);
  const archives = codes[0] === Operation.TAR ? 1 : 0;
  if (compressions.length === codes.length - archives) return compressions;
  throw new PspfError(
    "format/bad-operations",
    `Cannot decode "${operations}": tar has to be the first operation`,
    {
      context: { operations: operations.toString() },
      hint: "Extract the stored bytes with --raw",
    },
  );
}

/** Whether a slot stands for the package file itself and has no bytes. */
export function isSelfReference({ metadata, size }: PackageSlot): boolean {
  return metadata.selfRef === true && size === 0;
}

/** Python's builder repeats the prefix of the launcher's checksum. */
const CHECKSUM_REGEXP = /^(?:sha256:)*([0-9a-f]{64})$/i;

/** The digest in a checksum as any builder spells it, or `undefined`. */
export function parseChecksum(text: string): Uint8Array | undefined {
  const digits = CHECKSUM_REGEXP.exec(text)?.[1];
  return digits === undefined ? undefined : decodeHex(digits);
}

/**
 * Judges the SHA-256 of a slot's stored bytes: it has to be the one in the
 * signed metadata, and its beginning the one in the descriptor.
 */
export function checkSlotDigest(slot: PackageSlot, digest: Uint8Array): void {
  if (isSelfReference(slot)) return;
  const what = `content of slot ${slot.index} ("${slot.id}")`;
  const { checksum } = slot.metadata;
  const expected = parseChecksum(checksum);
  if (expected === undefined) {
    throw new PspfError(
      "verify/slot-digest",
      `Cannot trust the ${what}: its checksum "${checksum}" is not a SHA-256`,
      { context: { slot: slot.index, actual: checksum } },
    );
  }
  if (!equals(digest, expected)) {
    throw digestError("verify/slot-digest", what, digest, expected);
  }
  const short = shortHashOf(digest);
  if (short === slot.descriptor.checksum) return;
  throw new PspfError(
    "verify/slot-digest",
    `Cannot trust the ${what}: its descriptor names another checksum`,
    {
      context: {
        slot: slot.index,
        expected: slot.descriptor.checksum.toString(),
        actual: short.toString(),
      },
    },
  );
}

/**
 * Extracts one slot the way a launcher does: an archive at the root of the
 * target, a single file at the slot's own target. The target refuses to leave
 * its root; it is not finished, so that more slots can follow.
 *
 * Files are written while the digest is still being computed. When this
 * throws, what was written is not to be trusted.
 */
export async function extractSlot(
  opened: OpenedPackage,
  slot: PackageSlot,
  target: ExtractTarget,
  options: ExtractOptions = {},
): Promise<void> {
  // Launchers make such a slot out of their own file; there is nothing inside.
  if (isSelfReference(slot)) return;
  if (slot.operations.isArchive) {
    return await extractTar(streamSlot(opened, slot, options), target);
  }
  await target.file(
    slotPath(slot, opened.metadata.package),
    slot.permissions,
    slot.contentSize,
    streamSlot(opened, slot, options),
  );
}

/** One file, directory or link inside of a slot. */
export type PackageEntry =
  | {
    readonly kind: "directory";
    /** Path below the workenv; empty for the workenv itself. */
    readonly path: string;
    /** Permission bits, at most 0o777. */
    readonly mode: number;
  }
  | {
    readonly kind: "file";
    /** Path below the workenv. */
    readonly path: string;
    /** Permission bits, at most 0o777. */
    readonly mode: number;
    /** Length in bytes, where it is known. */
    readonly size: number | undefined;
    /** The bytes; what is left of them when the next entry is asked for is skipped. */
    readonly content: ReadableStream<Uint8Array>;
  }
  | {
    readonly kind: "symlink";
    /** Path below the workenv. */
    readonly path: string;
    /** Where the link points, as stored. */
    readonly target: string;
  }
  | {
    readonly kind: "hardlink";
    /** Path below the workenv. */
    readonly path: string;
    /** Path of a file that stands before this one. */
    readonly existing: string;
  };

/**
 * Lists what is in a slot. The digest is judged at the end: what was read is not
 * proved before the iteration is over.
 */
export async function* slotEntries(
  opened: OpenedPackage,
  slot: PackageSlot,
  options: ExtractOptions = {},
): AsyncGenerator<PackageEntry, void, undefined> {
  if (isSelfReference(slot)) return;
  if (slot.operations.isArchive) {
    return yield* readTar(streamSlot(opened, slot, options));
  }
  const content = streamSlot(opened, slot, options);
  yield {
    kind: "file",
    path: slotPath(slot, opened.metadata.package),
    mode: slot.permissions,
    size: slot.contentSize,
    content,
  };
  // A stream that somebody has locked is theirs to finish.
  if (!content.locked) await content.cancel();
}

const PLACEHOLDER_REGEXP =
  /\{(?:(workenv)(?:\}\/|\})|(package_name|version)\}|(primary|slot:[^}]*)\})/g;

/**
 * Finds where a single file goes below the workenv, as a launcher would.
 * `{os}`, `{arch}` and `{platform}` stay as they are: a package is extracted
 * here for no platform in particular.
 */
export function slotPath(slot: PackageSlot, names: PackageInfo): string {
  const { target } = slot.metadata;
  if ([target, names.name, names.version].some((text) => text.includes("\0"))) {
    throw badTarget("format/bad-metadata", slot, "a name holds a NUL");
  }
  const path = checkEntryPath(
    target.replaceAll(PLACEHOLDER_REGEXP, (text, workenv, name) => {
      if (workenv) return "";
      if (name) return name === "version" ? names.version : names.name;
      throw badTarget(
        "format/bad-metadata",
        slot,
        `${text} has no place in it`,
      );
    }),
  );
  if (path !== "") return path;
  throw badTarget("archive/unsafe-path", slot, "it names no file");
}

function badTarget(
  code: "archive/unsafe-path" | "format/bad-metadata",
  slot: PackageSlot,
  problem: string,
): PspfError {
  const { target } = slot.metadata;
  return new PspfError(
    code,
    `Cannot extract slot ${slot.index} ("${slot.id}") to "${target}": ${problem}`,
    { context: { slot: slot.index, target } },
  );
}
