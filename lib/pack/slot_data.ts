import { fromFileUrl } from "@std/path";
import { PspfError } from "../errors.ts";
import { BlobSource } from "../io/blob_source.ts";
import { borrowSource } from "../io/borrow_source.ts";
import { BytesSource } from "../io/bytes_source.ts";
import type { FileTree } from "../io/file_tree.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { SpoolFactory } from "../io/spool.ts";
import type { SlotSource } from "./slot_source.ts";

/**
 * The content of a slot: bytes, a `Blob`, a stream, anything that can be read
 * at an offset, a tree of files, or the path or `file:` URL of a file or
 * directory. A string is always a path; encode a text with `TextEncoder`.
 */
export type SlotData =
  | Uint8Array
  | Blob
  | ReadableStream<Uint8Array>
  | RandomAccessSource
  | FileTree
  | string
  | URL;

/** What a stream was read into before: it gives its bytes only once. */
const taken = new WeakSet<ReadableStream<Uint8Array>>();

/**
 * Names the path that data stands for.
 *
 * @param data The content of a slot.
 * @returns The path, or `undefined` for content that is at hand.
 */
export function slotDataPath(data: SlotData): string | undefined {
  if (typeof data === "string") return data;
  return data instanceof URL ? fromFileUrl(data) : undefined;
}

/**
 * Opens content that is at hand.
 *
 * @param data The content, not a path.
 * @param name Name of the slot, for messages.
 * @param createSpool Takes what comes as a stream.
 * @returns The source.
 * @throws {PspfError} `build/failed` for a stream that was packed already, and
 * what the stream and the spool throw
 */
export async function openSlotData(
  data: Exclude<SlotData, string | URL>,
  name: string,
  createSpool: SpoolFactory,
): Promise<SlotSource> {
  if (isFileTree(data)) return { kind: "directory", tree: data };
  return {
    kind: "file",
    bytes: await openBytes(data, name, createSpool),
    mode: 0o644,
  };
}

/**
 * Whether a value is something that a slot can be made of.
 *
 * @param data Anything.
 * @returns `false` for what a caller without types may have passed.
 */
export function isSlotData(data: unknown): data is SlotData {
  if (typeof data === "string") return data !== "";
  if (typeof data !== "object" || data === null) return false;
  if (data instanceof URL) return data.protocol === "file:";
  return data instanceof Uint8Array || data instanceof Blob ||
    data instanceof ReadableStream || isFileTree(data) ||
    ("stream" in data && "read" in data && "size" in data);
}

function isFileTree(data: object): data is FileTree {
  return "entries" in data && "readFile" in data;
}

async function openBytes(
  data: Exclude<SlotData, string | URL | FileTree>,
  name: string,
  createSpool: SpoolFactory,
): Promise<RandomAccessSource> {
  if (data instanceof Uint8Array) return new BytesSource(data, name);
  if (data instanceof Blob) return new BlobSource(data, name);
  if (data instanceof ReadableStream) {
    return await readStream(data, name, createSpool);
  }
  // The caller's own: it is the caller who closes it.
  return borrowSource(data);
}

/** Slots are looked at before they are packed, which a stream does not allow. */
async function readStream(
  stream: ReadableStream<Uint8Array>,
  name: string,
  createSpool: SpoolFactory,
): Promise<RandomAccessSource> {
  if (taken.has(stream) || stream.locked) {
    throw new PspfError(
      "build/failed",
      `Cannot pack slot "${name}": its stream was read before`,
      {
        context: { slot: name },
        hint:
          "Give a new stream to each build, or a Blob, which can be read again",
      },
    );
  }
  taken.add(stream);
  const spool = await createSpool();
  try {
    for await (const chunk of stream) await spool.write(chunk);
    const source = await spool.finish();
    return borrowSource(source, {
      name,
      dispose: () => spool[Symbol.asyncDispose](),
    });
  } catch (error) {
    await spool[Symbol.asyncDispose]();
    throw error;
  }
}
