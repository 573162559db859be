import { PspfError } from "../errors.ts";
import { parentsOf } from "./extract_target.ts";
import type { FileTree, FileTreeEntry, OpenTreeFile } from "./file_tree.ts";

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
      for (const parent of parentsOf(path)) {
        if (!this.#entries.has(parent)) {
          this.#add({ kind: "directory", path: parent, mode: 0o755 });
        }
      }
      if ("target" in member) {
        this.#add({ kind: "symlink", path, target: member.target });
      } else if ("content" in member) {
        const { content, mode = 0o644 } = member;
        const bytes = typeof content === "string"
          ? new TextEncoder().encode(content)
          : content;
        this.#contents.set(path, bytes);
        this.#add({ kind: "file", path, mode, size: bytes.length });
      } else {
        this.#add({ kind: "directory", path, mode: member.mode });
      }
    }
  }

  /** Lists the members, directories before their content. */
  async *entries(
    descend: (path: string) => boolean = () => true,
  ): AsyncIterable<FileTreeEntry> {
    const pruned: string[] = [];
    for (const entry of this.#entries.values()) {
      if (pruned.some((path) => entry.path.startsWith(path))) continue;
      yield await Promise.resolve(entry);
      if (entry.kind === "directory" && !descend(entry.path)) {
        pruned.push(`${entry.path}/`);
      }
    }
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
    const content = this.#content(path);
    if (content.length === size) return content;
    throw new PspfError(
      "build/source-changed",
      `Cannot read ${
        JSON.stringify(path)
      }: it has ${content.length} bytes, expected ${size}`,
      { context: { path, expected: size, actual: content.length } },
    );
  }

  /**
   * Opens a file.
   *
   * @param path As listed.
   * @returns The file.
   * @throws {PspfError} `io/not-found`
   */
  openFile(path: string): OpenTreeFile {
    let rest = this.#content(path);
    return {
      size: rest.length,
      readInto: (into) => {
        const part = rest.subarray(0, into.length);
        into.set(part);
        rest = rest.subarray(part.length);
        return part.length;
      },
      [Symbol.dispose]: () => {},
    };
  }

  #content(path: string): Uint8Array {
    const content = this.#contents.get(path);
    if (content !== undefined) return content;
    const message = `Cannot read ${
      JSON.stringify(path)
    }: there is no such file`;
    throw new PspfError("io/not-found", message, { context: { path } });
  }

  #add(entry: FileTreeEntry): void {
    this.#entries.set(entry.path, entry);
  }
}
