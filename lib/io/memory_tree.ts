import { PspfError } from "../errors.ts";
import type { FileTree, FileTreeEntry } from "./file_tree.ts";

/** What a {@linkcode MemoryTree} is made of, by path. */
export type MemoryTreeInit = Readonly<
  Record<
    string,
    | { readonly content: Uint8Array | string; readonly mode?: number }
    | { readonly target: string }
    | { readonly mode: number }
  >
>;

/**
 * A directory in memory to pack from. Parents that are not named exist with
 * mode 0755.
 *
 * @example Two files
 * ```ts
 * import { MemoryTree } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * const tree = new MemoryTree({
 *   "bin/app": { content: "#!/bin/sh\n", mode: 0o755 },
 *   "README": { content: "read me" },
 * });
 * const paths = await Array.fromAsync(tree.entries(), (entry) => entry.path);
 * assertEquals(paths, ["bin", "bin/app", "README"]);
 * ```
 */
export class MemoryTree implements FileTree {
  /** What to call the root in messages. */
  readonly name: string;
  readonly #entries = new Map<string, FileTreeEntry>();
  readonly #contents = new Map<string, Uint8Array>();

  /**
   * Makes a tree.
   *
   * @param init Members by path: files have `content`, links a `target`.
   * @param name What to call the root in messages.
   */
  constructor(init: MemoryTreeInit, name = "memory") {
    this.name = name;
    for (const [path, member] of Object.entries(init)) {
      this.#addParents(path);
      if ("target" in member) {
        this.#entries.set(path, {
          kind: "symlink",
          path,
          target: member.target,
        });
      } else if ("content" in member) {
        const { content, mode = 0o644 } = member;
        const bytes = typeof content === "string"
          ? new TextEncoder().encode(content)
          : content;
        this.#contents.set(path, bytes);
        this.#entries.set(path, {
          kind: "file",
          path,
          mode,
          size: bytes.length,
        });
      } else {
        this.#entries.set(path, { kind: "directory", path, mode: member.mode });
      }
    }
  }

  /**
   * Lists the members, directories before their content.
   *
   * @param descend Asked before a directory is entered; `false` prunes it.
   * @returns The members.
   */
  entries(
    descend: (path: string) => boolean = () => true,
  ): AsyncIterable<FileTreeEntry> {
    return ReadableStream.from(this.#list(descend));
  }

  /**
   * Reads a file whole.
   *
   * @param path As listed.
   * @param size Size as listed, in bytes.
   * @returns Exactly `size` bytes.
   * @throws {PspfError} `io/not-found`, `build/source-changed`
   */
  readFile(path: string, size: number): Uint8Array {
    const content = this.#contents.get(path);
    if (content === undefined) {
      throw new PspfError(
        "io/not-found",
        `Cannot read "${path}": there is no such file`,
        {
          context: { path },
        },
      );
    }
    if (content.length !== size) {
      throw new PspfError(
        "build/source-changed",
        `Cannot read "${path}": its size has changed`,
        {
          context: { path, expected: size, actual: content.length },
        },
      );
    }
    return content;
  }

  /**
   * Streams a file.
   *
   * @param path As listed.
   * @returns The content.
   * @throws {PspfError} `io/not-found`
   */
  stream(path: string): ReadableStream<Uint8Array> {
    return ReadableStream.from([
      this.readFile(path, this.#contents.get(path)?.length ?? 0),
    ]);
  }

  *#list(descend: (path: string) => boolean): Generator<FileTreeEntry> {
    const pruned: string[] = [];
    for (const entry of this.#entries.values()) {
      if (pruned.some((path) => entry.path.startsWith(path))) continue;
      yield entry;
      if (entry.kind === "directory" && !descend(entry.path)) {
        pruned.push(`${entry.path}/`);
      }
    }
  }

  #addParents(path: string): void {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const parent = path.slice(0, at);
      if (this.#entries.has(parent)) continue;
      this.#entries.set(parent, {
        kind: "directory",
        path: parent,
        mode: 0o755,
      });
    }
  }
}
