import { PspfError } from "../errors.ts";

/** How much of a file's start is looked at: headers that lie elsewhere are none. */
export const EXECUTABLE_HEADER_SIZE: number = 64 * 1024;

/** A piece of a file. */
interface Span {
  readonly offset: number;
  readonly size: number;
}

/** What the header of a program says about the signature of its platform. */
export interface Signable {
  /** `pe`: Authenticode, for Windows. `macho`: `codesign`, for macOS. */
  readonly kind: "pe" | "macho";
  /** The fields that signing rewrites, in the order of the file. */
  readonly rewritten: readonly Span[];
  /** Where the signature is said to lie; empty where there is none. */
  readonly signature: Span;
  /** For macOS: the segment that has to reach to the end of the file. */
  readonly lastSegment: Span | undefined;
}

const ALIGNMENTS = { pe: 8, macho: 16 } as const;

const PE32 = 0x10b;
const PE32_PLUS = 0x20b;
/** The entry of the data directory whose address is an offset in the file. */
const SECURITY_ENTRY = 4;

const MACHO_64 = 0xfeedfacf;
const FAT_MAGICS: ReadonlySet<number> = new Set([
  0xcafebabe,
  0xcafebabf,
  0xbebafeca,
  0xbfbafeca,
]);
export const SEGMENT_64 = 0x19;
export const CODE_SIGNATURE = 0x1d;
export const MACHO_HEADER_SIZE = 32;
const LINKEDIT = "__LINKEDIT\0\0\0\0\0\0";

/**
 * Reads the header of a program: signatures of the platform are appended to the
 * file, behind the package, and change a few fields of it.
 *
 * @throws {PspfError} `launcher/wrong-format` for a universal program, which
 * holds several, each with a signature of its own
 */
export function examineExecutable(head: Uint8Array): Signable | undefined {
  const view = viewOf(head);
  if (view.byteLength >= 4 && FAT_MAGICS.has(view.getUint32(0))) {
    throw new PspfError(
      "launcher/wrong-format",
      "A universal (fat) program cannot be part of a package",
      { hint: "Use a launcher for one architecture: lipo -thin" },
    );
  }
  try {
    return readPe(view) ?? readMacho(view);
  } catch (error) {
    // A header that ends early is none.
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}

/**
 * The signature, if it is the last thing in the file. What lies elsewhere, the
 * signature of a launcher from before it was packed, means nothing.
 */
export function findSignature(
  { kind, signature, lastSegment }: Signable,
  fileSize: number,
): Span | undefined {
  const { offset, size } = signature;
  const ends = size > 0 && offset + size === fileSize &&
    offset % ALIGNMENTS[kind] === 0;
  const reaches = lastSegment === undefined ||
    lastSegment.offset + lastSegment.size === fileSize;
  return ends && reaches ? signature : undefined;
}

/**
 * Where the package ends in front of a signature: fewer zeros than alignment
 * asks for lie between.
 *
 * @param before Bytes that end where the signature starts, 16 or more.
 */
export function packageEnd(
  { kind }: Signable,
  { offset }: Span,
  before: Uint8Array,
): number | undefined {
  const zeros = before.length -
    (before.findLastIndex((byte) => byte !== 0) + 1);
  return zeros < ALIGNMENTS[kind] ? offset - zeros : undefined;
}

/** Sets the fields that signing rewrites to zero. `bytes` begin at `offset`. */
export function clearRewritten(
  { rewritten }: Signable,
  offset: number,
  bytes: Uint8Array,
): void {
  for (const field of rewritten) {
    const start = Math.max(0, field.offset - offset);
    const end = Math.max(0, field.offset + field.size - offset);
    bytes.fill(0, start, end);
  }
}

export function viewOf(bytes: Uint8Array): DataView {
  return new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
}

function readPe(view: DataView): Signable | undefined {
  if (view.getUint16(0) !== 0x4d5a) return undefined;
  const header = view.getUint32(0x3c, true);
  if (view.getUint32(header) !== 0x50450000) return undefined;
  const optionalSize = view.getUint16(header + 20, true);
  const start = header + 24;
  const optional = new DataView(
    view.buffer,
    view.byteOffset + start,
    Math.min(optionalSize, view.byteLength - start),
  );
  if (optional.byteLength < optionalSize) return undefined;
  const magic = optional.getUint16(0, true);
  if (magic !== PE32 && magic !== PE32_PLUS) return undefined;
  const directories = magic === PE32 ? 96 : 112;
  const entry = directories + 8 * SECURITY_ENTRY;
  const signature = {
    offset: optional.getUint32(entry, true),
    size: optional.getUint32(entry + 4, true),
  };
  if (optional.getUint32(directories - 4, true) <= SECURITY_ENTRY) {
    return undefined;
  }
  return {
    kind: "pe",
    rewritten: [
      { offset: start + 64, size: 4 },
      { offset: start + entry, size: 8 },
    ],
    signature,
    lastSegment: undefined,
  };
}

function readMacho(view: DataView): Signable | undefined {
  if (view.getUint32(0, true) !== MACHO_64) return undefined;
  let signature: Span | undefined;
  let lastSegment: Span | undefined;
  const rewritten: Span[] = [];
  for (const { at, kind, size } of machoCommands(view)) {
    if (kind === CODE_SIGNATURE && size >= 16) {
      // Of two, each reader could take another.
      if (signature !== undefined) return undefined;
      signature = {
        offset: view.getUint32(at + 8, true),
        size: view.getUint32(at + 12, true),
      };
      rewritten.push({ offset: at + 8, size: 8 });
    } else if (isLinkedit(view, at, kind, size)) {
      if (lastSegment !== undefined) return undefined;
      lastSegment = {
        offset: Number(view.getBigUint64(at + 40, true)),
        size: Number(view.getBigUint64(at + 48, true)),
      };
      rewritten.push({ offset: at + 32, size: 8 }, {
        offset: at + 48,
        size: 8,
      });
    }
  }
  if (signature === undefined || lastSegment === undefined) return undefined;
  rewritten.sort((a, b) => a.offset - b.offset);
  return { kind: "macho", rewritten, signature, lastSegment };
}

/** Where a load command starts in the file, what it is and how long it is. */
export interface MachoCommand {
  readonly at: number;
  readonly kind: number;
  readonly size: number;
}

/** @throws {RangeError} when the commands are not well formed. */
export function machoCommands(view: DataView): readonly MachoCommand[] {
  const commands: MachoCommand[] = [];
  const end = MACHO_HEADER_SIZE + view.getUint32(20, true);
  if (end > view.byteLength) throw new RangeError("the commands are cut off");
  let at = MACHO_HEADER_SIZE;
  for (let left = view.getUint32(16, true); left > 0; left--) {
    const [kind, size] = [
      view.getUint32(at, true),
      view.getUint32(at + 4, true),
    ];
    // Shorter ones would make this loop long.
    if (size < 8 || size % 8 !== 0 || at + size > end) {
      throw new RangeError("a command has an impossible length");
    }
    commands.push({ at, kind, size });
    at += size;
  }
  return commands;
}

/** Whether a load command is the segment that signatures lie in. */
export function isLinkedit(
  view: DataView,
  at: number,
  kind: number,
  size: number,
): boolean {
  return kind === SEGMENT_64 && size >= 72 &&
    [...LINKEDIT].every((letter, index) =>
      view.getUint8(at + 8 + index) === letter.charCodeAt(0)
    );
}
