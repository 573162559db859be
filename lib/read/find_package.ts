import { TRAILER_SIZE } from "../format/constants.ts";
import {
  clearRewritten,
  examineExecutable,
  EXECUTABLE_HEADER_SIZE,
  findSignature,
  packageEnd,
  type Signable,
} from "../format/platform_signature.ts";
import { isTrailer } from "../format/trailer.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../io/random_access_source.ts";
import { endsEarly } from "./check_content.ts";

/** A signature that a platform's own tools put behind a package; nobody here judges it. */
export interface PlatformSignature {
  /** `pe`: Authenticode, for Windows. `macho`: `codesign`, for macOS. */
  readonly kind: "pe" | "macho";
  /** First byte in the file. */
  readonly offset: number;
  /** Length in bytes. */
  readonly size: number;
}

/** Where the package is in a file. */
export interface FoundPackage {
  /** The package as it was packed: it ends where that does, too. */
  readonly source: RandomAccessSource;
  /** What stands behind it in the file. */
  readonly platformSignature: PlatformSignature | undefined;
}

/**
 * Trailer, slot table and metadata stand at the end of our packages, and nearly
 * all of them are smaller than this.
 */
const TAIL_SIZE = 64 * 1024;

/** Finds the end of a package: that of the file, or the start of a platform's signature. */
export async function findPackage(
  given: RandomAccessSource,
  options: ReadOptions,
): Promise<FoundPackage> {
  const whole = await readTail(checkLengths(given, given.size), options);
  const plain = { source: whole, platformSignature: undefined };
  const { size } = whole;
  if (size < TRAILER_SIZE) return plain;
  const trailer = await whole.read(size - TRAILER_SIZE, TRAILER_SIZE, options);
  if (isTrailer(trailer)) return plain;
  const head = await whole.read(
    0,
    Math.min(size, EXECUTABLE_HEADER_SIZE),
    options,
  );
  const signable = tryToExamine(head);
  const signature = signable && findSignature(signable, size);
  if (signable === undefined || signature === undefined) return plain;
  const around = Math.min(signature.offset, 64);
  const before = await whole.read(signature.offset - around, around, options);
  const end = packageEnd(signable, signature, before);
  if (end === undefined) return plain;
  const packed = undoSigning(checkLengths(given, end), signable);
  return {
    source: await readTail(packed, options),
    platformSignature: { kind: signable.kind, ...signature },
  };
}

/** A program that cannot be part of a package is no reason not to say what the file is. */
function tryToExamine(head: Uint8Array): Signable | undefined {
  try {
    return examineExecutable(head);
  } catch {
    return undefined;
  }
}

/** Gives what signing has rewritten as it was packed: as zeros. */
function undoSigning(
  source: RandomAccessSource,
  signable: Signable,
): RandomAccessSource {
  const { readInto } = source;
  const undo = (offset: number, bytes: Uint8Array): Uint8Array => {
    if (offset >= EXECUTABLE_HEADER_SIZE) return bytes;
    // The memory may be somebody's who has lent it.
    const copy = bytes.slice();
    clearRewritten(signable, offset, copy);
    return copy;
  };
  return {
    ...source,
    read: async (offset, length, options) =>
      undo(offset, await source.read(offset, length, options)),
    stream(start, length, options): ReadableStream<Uint8Array> {
      let offset = start;
      return source.stream(start, length, options).pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller): void {
            controller.enqueue(undo(offset, chunk));
            offset += chunk.length;
          },
        }),
      );
    },
    ...(readInto && {
      readInto(offset: number, into: Uint8Array): number {
        const count = readInto(offset, into);
        clearRewritten(signable, offset, into.subarray(0, count));
        return count;
      },
    }),
  };
}

/** A source of somebody else may give less than it said; that must not count. */
function checkLengths(
  source: RandomAccessSource,
  size: number,
): RandomAccessSource {
  return {
    name: source.name,
    size,
    async read(offset, length, options): Promise<Uint8Array> {
      const bytes = await source.read(offset, length, options);
      if (bytes.length !== length) {
        throw endsEarly(source, offset + bytes.length);
      }
      return bytes;
    },
    stream(offset, length, options): ReadableStream<Uint8Array> {
      let done = 0;
      return source.stream(offset, length, options).pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller): void {
            done += chunk.length;
            controller.enqueue(chunk);
          },
          flush(): void {
            if (done !== length) throw endsEarly(source, offset + done);
          },
        }),
      );
    },
    ...(source.readInto && { readInto: source.readInto.bind(source) }),
    ...(source.currentSize && { currentSize: source.currentSize.bind(source) }),
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/** Reads the end of a source once; what lies there is not asked for again. */
async function readTail(
  source: RandomAccessSource,
  options: ReadOptions,
): Promise<RandomAccessSource> {
  const size = Math.min(source.size, TAIL_SIZE);
  if (size < TRAILER_SIZE) return source;
  const start = source.size - size;
  const tail = await source.read(start, size, options);
  return {
    ...source,
    read(offset, length, read): Promise<Uint8Array> {
      if (offset < start) return source.read(offset, length, read);
      return Promise.resolve(
        tail.subarray(offset - start, offset - start + length),
      );
    },
  };
}
