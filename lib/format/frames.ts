import { OperationChain } from "./operations.ts";

/** Content of one frame in bytes, unless the slot is enormous. */
export const FRAME_UNIT: number = 1024 * 1024;

/** Most frames of a slot: beyond, each of them gets larger. */
export const MAX_FRAME_COUNT = 65_536;

/** Bytes of SHA-256 that the table keeps of each frame. */
export const FRAME_DIGEST_SIZE = 16;

/**
 * Where the frames of a slot begin and what they hash to, from its signed
 * metadata: a part of the slot can be read and trusted without the rest.
 */
export interface FrameTable {
  /** Stored size of each frame in bytes. */
  readonly stored: readonly number[];
  /** Size of each frame's content in bytes. */
  readonly content: readonly number[];
  /** The first 16 bytes of the SHA-256 of each stored frame, one after another. */
  readonly digests: Uint8Array;
}

const FRAMED: ReadonlySet<bigint> = new Set(
  ["raw", "tar", "zstd", "tar.zst"].map((name) =>
    OperationChain.parse(name).encode()
  ),
);

/** Whether slots of a chain have frames: their content and nothing else is cut. */
export function isFramed(chain: OperationChain): boolean {
  return FRAMED.has(chain.encode());
}

/** The unit in which a file of some size is cut. */
export function fileFrameUnit(size: number): number {
  let unit = FRAME_UNIT;
  while (Math.ceil(size / unit) > MAX_FRAME_COUNT) unit *= 2;
  return unit;
}

/** One member of an archive, as far as cutting it is concerned. */
export interface FramedMember {
  /** Path inside the archive, without a trailing slash. */
  readonly path: string;
  /** Bytes of its headers, the extended one included. */
  readonly headSize: number;
  /** Bytes of its content. */
  readonly size: number;
}

/**
 * Decides where an archive is cut. The content alone decides, so that an edit
 * moves no cut but those around it.
 */
export class FrameRule {
  /** A member of this size begins a frame and is cut inside. */
  readonly unit: number;

  /** A member of `unit` bytes begins a frame and is cut inside. */
  constructor(unit: number = FRAME_UNIT) {
    this.unit = unit;
  }

  /** No frame is longer than this, the end of the archive included. */
  get maxFrameSize(): number {
    return 2 * this.unit + MAX_HEAD_SIZE;
  }

  /** Whether a new frame begins before a member, when the last has `filled` bytes. */
  cutsBefore(path: string, size: number, filled: number): boolean {
    if (filled === 0) return false;
    return size >= this.unit || filled >= this.unit ||
      (filled >= this.unit / 4 && fnv1a32(path) >>> 30 === 0);
  }

  /** Where every cut of an archive is, counted from its start. */
  *cuts(members: Iterable<FramedMember>): Generator<number, void, undefined> {
    let at = 0;
    let start = 0;
    for (const { path, headSize, size } of members) {
      if (this.cutsBefore(path, size, at - start)) yield start = at;
      at += headSize + Math.ceil(size / TAR_BLOCK) * TAR_BLOCK;
      if (size < this.unit) continue;
      while (start + this.unit < at) yield start += this.unit;
    }
  }

  /** The rule for an archive: the smallest unit that keeps to the limit. */
  static for(
    members: readonly FramedMember[],
    maxCount: number = MAX_FRAME_COUNT,
  ): FrameRule {
    for (let unit = FRAME_UNIT;; unit *= 2) {
      const rule = new FrameRule(unit);
      if ([...rule.cuts(members)].length < maxCount) return rule;
    }
  }
}

const TAR_BLOCK = 512;

/** Headers with the longest path and link, and the end of the archive. */
const MAX_HEAD_SIZE = 16 * 1024;

const ENCODER = new TextEncoder();

/** FNV-1a of a text in UTF-8. */
export function fnv1a32(text: string): number {
  let hash = 0x811c9dc5;
  // Nearly all names are ASCII, and encoding each of them is five times slower.
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    if (unit > 0x7f) return hashBytes(ENCODER.encode(text));
    hash = Math.imul(hash ^ unit, 0x01000193);
  }
  return hash >>> 0;
}

function hashBytes(bytes: Uint8Array): number {
  let hash = 0x811c9dc5;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}
