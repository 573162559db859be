import { PspfError } from "../errors.ts";
import type { FileTree } from "../io/file_tree.ts";
import { TarType } from "./tar_header.ts";
import type { TarMember } from "./tar_member.ts";
import { TarSink } from "./tar_sink.ts";

/** Options of {@linkcode writeTar}. */
export interface WriteTarOptions {
  /**
   * Modification time of every entry, in seconds since 1970.
   *
   * @default {0}
   */
  readonly mtime?: number;
  /** Stops the writer; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal;
  /** Sees how many bytes of content each file had, once it is written. */
  readonly onFile?: (size: number) => void;
}

/** Large enough that the cost of handing over a chunk does not matter. */
const CHUNK_SIZE = 1024 * 1024;

/** Up to this size a file is read in one call, which is several times faster. */
const WHOLE_FILE_SIZE = 1024 * 1024;

/**
 * Writes a tar archive: ustar, with PAX headers only where ustar cannot hold a
 * name, a link or a size. The bytes depend on the members alone, never on
 * clock, owner or host.
 *
 * @param tree Where the content of files comes from.
 * @param members The entries, in the order to write them.
 * @param options Modification time, abort signal.
 * @returns The archive in chunks of 1 MiB.
 * @throws {PspfError} `build/source-changed` when a file is not as long as its
 * member says
 */
export async function* writeTar(
  tree: FileTree,
  members: Iterable<TarMember>,
  options: WriteTarOptions = {},
): AsyncGenerator<Uint8Array, void, undefined> {
  const { mtime = 0, signal, onFile } = options;
  const sink = new TarSink(CHUNK_SIZE);
  for (const member of members) {
    signal?.throwIfAborted();
    if (member.kind !== "file") {
      writeEmptyMember(sink, member, mtime);
    } else {
      const { path, mode, size, source } = member;
      sink.writeHead({ path, mode, size, mtime, type: TarType.FILE });
      if (size > WHOLE_FILE_SIZE) {
        yield* streamFile(sink, tree, source, size, signal);
      } else if (size > 0) {
        const content = tree.readFile(source, size);
        // Awaiting bytes that are there already would cost a turn per file.
        const bytes = content instanceof Uint8Array ? content : await content;
        if (bytes.length !== size) {
          throw sourceChanged(tree, source, size, bytes.length);
        }
        sink.writeOwned(bytes);
      }
      sink.pad();
      onFile?.(size);
    }
    if (sink.hasFullChunk) yield* sink.take();
  }
  yield* sink.finish();
}

function writeEmptyMember(
  sink: TarSink,
  member: Exclude<TarMember, { kind: "file" }>,
  mtime: number,
): void {
  const { path, mode } = member;
  if (member.kind === "directory") {
    sink.writeHead({ path, mode, size: 0, mtime, type: TarType.DIRECTORY });
  } else {
    const linkTarget = member.target;
    const type = TarType.SYMLINK;
    sink.writeHead({ path, mode, size: 0, mtime, type, linkTarget });
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
    sink.writeOwned(chunk);
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
