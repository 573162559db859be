/**
 * One member of a {@linkcode FileTree}: its path below the root, `/`-separated,
 * without a leading `./`, and permission bits, at most 0o777.
 */
export type FileTreeEntry =
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | {
    readonly kind: "file";
    readonly path: string;
    readonly mode: number;
    /** Length in bytes when it was listed. */
    readonly size: number;
  }
  | {
    readonly kind: "symlink";
    readonly path: string;
    /** Where the link points, exactly as stored. */
    readonly target: string;
  };

/** A pipe, socket or device: an error, unless the archive leaves it out. */
export interface UnsupportedTreeEntry {
  /** Tells it from the other kinds. */
  readonly kind: "other";
  /** Path below the root, `/`-separated, without a leading `./`. */
  readonly path: string;
}

/** A file of a {@linkcode FileTree} that is read from front to end. */
export interface OpenTreeFile extends Disposable {
  /** Length in bytes when it was opened. */
  readonly size: number;
  /**
   * Reads on, at once where the host can: that is several times faster.
   *
   * @param into Takes the bytes; filled from its start.
   * @returns How many bytes were read; 0 at the end.
   * @throws {PspfError} `io/failed`
   */
  readInto(into: Uint8Array): number | Promise<number>;
}

/**
 * A directory on some host, as a source for an archive. The host lists it and
 * opens its files; filtering, ordering and encoding are the archive's part.
 */
export interface FileTree {
  /** What to call the root in messages. */
  readonly name: string;
  /**
   * Lists every member below the root, directories before their content, in
   * any order otherwise; links are listed and never followed.
   *
   * @param descend Asked before a directory is entered; `false` prunes it.
   * @returns The members.
   * @throws {PspfError} `io/not-found`, `io/denied`,
   * `archive/unsupported-entry` for names that are not UTF-8
   */
  entries(
    descend?: (path: string) => boolean,
  ): AsyncIterable<FileTreeEntry | UnsupportedTreeEntry>;
  /**
   * Reads a small file whole and synchronously where the host can; many small
   * files are packed several times faster so.
   *
   * @param path As listed.
   * @param size Size as listed, in bytes.
   * @returns Exactly `size` bytes.
   * @throws {PspfError} `build/source-changed` when the length differs.
   */
  readFile(path: string, size: number): Uint8Array | Promise<Uint8Array>;
  /**
   * Opens a file that is too large to be read whole.
   *
   * @param path As listed.
   * @returns The file; dispose it.
   * @throws {PspfError} `io/not-found`, `io/denied`
   */
  openFile(path: string): OpenTreeFile;
}

/** A tree without what a rule leaves out. */
export function filterTree(
  tree: FileTree,
  takes: (path: string, isDirectory: boolean) => boolean,
): FileTree {
  return {
    name: tree.name,
    readFile: (path, size) => tree.readFile(path, size),
    openFile: (path) => tree.openFile(path),
    async *entries(descend = () => true): ReturnType<FileTree["entries"]> {
      const inner = tree.entries((path) => takes(path, true) && descend(path));
      for await (const entry of inner) {
        if (takes(entry.path, entry.kind === "directory")) yield entry;
      }
    },
  };
}
