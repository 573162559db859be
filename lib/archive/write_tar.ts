import { PspfError } from "../errors.ts";
import type { FileTree, OpenTreeFile } from "../io/file_tree.ts";
import type { TarMember } from "./tar_header.ts";
import { type ChunkMemory, TarSink } from "./tar_sink.ts";

/** Options of {@linkcode writeTar}. */
export interface WriteTarOptions {
  /**
   * Modification time of every entry, in seconds since 1970.
   *
   * @default {0}
   */
  readonly mtime?: number | undefined;
  /** Stops the writer; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Where the memory of chunks comes from; fresh memory when absent. */
  readonly memory?: ChunkMemory | undefined;
  /** Sees how many bytes of content each file had, once it is written. */
  readonly onFile?: ((size: number) => void) | undefined;
}

/** Large enough that the cost of handing over a chunk does not matter. */
const CHUNK_SIZE = 1024 * 1024;

const FRESH_MEMORY: ChunkMemory = {
  size: CHUNK_SIZE,
  take: () => new Uint8Array(CHUNK_SIZE),
};

/** Up to this size a file is read in one call, which is several times faster. */
const WHOLE_FILE_SIZE = 1024 * 1024;

/** From this size it pays to open a file and read it to where it belongs. */
const OPENED_FILE_SIZE = 64 * 1024;

/**
 * Writes a tar archive: ustar, with PAX headers only where ustar cannot hold a
 * name or a link. The bytes depend on the members alone, never on
 * clock, owner or host.
 *
 * @param tree Where the content of files comes from.
 * @param members The entries, in the order to write them.
 * @param options Modification time, abort signal.
 * @returns The archive in chunks of 1 MiB, or those of the memory.
 * @throws {PspfError} `build/source-changed` when a file is not as long as its
 * member says
 */
export async function* writeTar(
  tree: FileTree,
  members: Iterable<TarMember>,
  options: WriteTarOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { mtime = 0, signal, memory = FRESH_MEMORY, onFile } = options;
  const sink = new TarSink(memory);
  for (const member of members) {
    signal?.throwIfAborted();
    sink.writeHead(member, mtime);
    if (member.kind === "file") {
      const { size, source } = member;
      const file = size >= OPENED_FILE_SIZE
        ? tree.openFile?.(source)
        : undefined;
      if (file !== undefined) {
        yield* readFile(sink, file, { tree, source, size, signal });
      } else if (size > WHOLE_FILE_SIZE) {
        yield* streamFile(sink, tree, source, size, signal);
      } else if (size > 0) {
        const content = tree.readFile(source, size);
        // Awaiting bytes that are there already would cost a turn per file.
        const bytes = content instanceof Uint8Array ? content : await content;
        if (bytes.length !== size) {
          throw sourceChanged(tree, source, size, bytes.length);
        }
        sink.write(bytes);
      }
      sink.pad();
      onFile?.(size);
    }
    if (sink.hasFullChunk) yield* sink.take();
  }
  yield* sink.finish();
}

interface ReadFileOptions {
  readonly tree: FileTree;
  readonly source: string;
  readonly size: number;
  readonly signal: AbortSignal | undefined;
}

/** Reads a file to where the archive wants it: no memory, no copy. */
async function* readFile(
  sink: TarSink,
  file: OpenTreeFile,
  { tree, source, size, signal }: ReadFileOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  using _ = file;
  if (file.size !== size) throw sourceChanged(tree, source, size, file.size);
  for (let left = size; left > 0;) {
    signal?.throwIfAborted();
    const count = file.readInto(sink.space(left));
    if (count === 0) throw sourceChanged(tree, source, size, size - left);
    sink.advance(count);
    left -= count;
    if (sink.hasFullChunk) yield* sink.take();
  }
  if (file.readInto(new Uint8Array(1)) > 0) {
    throw sourceChanged(tree, source, size, size + 1);
  }
}

async function* streamFile(
  sink: TarSink,
  tree: FileTree,
  source: string,
  size: number,
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  let length = 0;
  for await (const chunk of tree.stream(source)) {
    signal?.throwIfAborted();
    length += chunk.length;
    if (length > size) throw sourceChanged(tree, source, size, length);
    sink.write(chunk);
    if (sink.hasFullChunk) yield* sink.take();
  }
  if (length < size) throw sourceChanged(tree, source, size, length);
}

function sourceChanged(
  tree: FileTree,
  path: string,
  expected: number,
  actual: number,
): PspfError {
  return new PspfError(
    "build/source-changed",
    `Cannot pack "${path}" of ${tree.name}: it had ${expected} bytes when it was listed and gives ${actual}`,
    {
      context: { path, tree: tree.name, expected, actual },
      hint:
        "Something writes to the source; wait until it is done and pack again",
    },
  );
}
