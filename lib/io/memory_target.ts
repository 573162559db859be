import { PspfError } from "../errors.ts";
import { collectBytes } from "./collect_bytes.ts";
import {
  checkMemberPath,
  directoryInPlace,
  type ExtractTarget,
  IMPLICIT_MODE,
  parentsOf,
  PERMISSION_BITS,
  unsafeMember,
  wrongSize,
} from "./extract_target.ts";

/** One member of a {@linkcode MemoryTarget}. */
export type MemoryEntry =
  | { readonly kind: "directory"; readonly mode: number }
  | {
    readonly kind: "file";
    readonly mode: number;
    readonly content: Uint8Array;
  }
  | { readonly kind: "symlink"; readonly target: string };

/**
 * A directory in memory to extract into, with the same containment as a real
 * one: for tests, and for browsers.
 *
 * @example A file and the directory it made
 * ```ts
 * import { MemoryTarget } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * const target = new MemoryTarget();
 * await target.file("bin/app", 0o755, undefined, new Blob(["hi"]).stream());
 * assertEquals([...target.entries.keys()], ["bin", "bin/app"]);
 * ```
 */
export class MemoryTarget implements ExtractTarget {
  /** What to call the root in messages. */
  readonly name: string;
  readonly #maxFileSize: number;
  readonly #entries = new Map<string, MemoryEntry>();

  /**
   * Makes an empty directory.
   *
   * @param name What to call the root in messages.
   * @param maxFileSize Largest file taken into memory, in bytes.
   */
  constructor(name = "memory", maxFileSize: number = 2 ** 30) {
    this.name = name;
    this.#maxFileSize = maxFileSize;
  }

  /** What was extracted, by path. */
  get entries(): ReadonlyMap<string, MemoryEntry> {
    return this.#entries;
  }

  /** Creates a directory and its parents. */
  directory(path: string, mode: number): Promise<void> {
    return this.#attempt(path, () => {
      this.#makeParents(path);
      const kind = "directory";
      this.#entries.set(path, { kind, mode: mode & PERMISSION_BITS });
    });
  }

  /** Takes a file into memory. */
  async file(
    path: string,
    mode: number,
    size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const maxSize = this.#maxFileSize;
    try {
      await this.#attempt(path, () => {
        this.#makeWay(path);
        if (size === undefined || size <= maxSize) return;
        throw new PspfError(
          "io/no-space",
          `Cannot extract ${
            JSON.stringify(path)
          }: it has ${size} bytes, at most ${maxSize} are taken into memory`,
          { context: { path, expected: maxSize, actual: size } },
        );
      });
    } catch (error) {
      await content.cancel(error);
      throw error;
    }
    const bytes = await collectBytes(content, {
      maxSize: size ?? maxSize,
      what: `file ${JSON.stringify(path)}`,
      code: size === undefined ? "io/no-space" : "archive/truncated",
    });
    if (size !== undefined && bytes.length < size) {
      throw wrongSize(path, size, bytes.length);
    }
    const kind = "file";
    this.#entries.set(path, {
      kind,
      mode: mode & PERMISSION_BITS,
      content: bytes,
    });
  }

  /** Creates a symbolic link. */
  symlink(path: string, target: string): Promise<void> {
    return this.#attempt(path, () => {
      this.#makeWay(path);
      this.#entries.set(path, { kind: "symlink", target });
    });
  }

  /** Gives a file another name. */
  hardLink(path: string, existing: string): Promise<void> {
    return this.#attempt(path, () => {
      checkMemberPath(existing, this.name);
      const entry = this.#entries.get(existing);
      if (entry?.kind !== "file") {
        throw unsafeMember(existing, this.name, "is not a file before it");
      }
      this.#makeWay(path);
      this.#entries.set(path, entry);
    });
  }

  /** Nothing is left to do in memory. */
  finish(): Promise<void> {
    return Promise.resolve();
  }

  /** Turns what a synchronous step throws into a rejection. */
  #attempt(path: string, step: () => void): Promise<void> {
    return new Promise((resolve) => {
      checkMemberPath(path, this.name);
      step();
      resolve();
    });
  }

  /** Makes sure that a new member can be placed at the path. */
  #makeWay(path: string): void {
    this.#makeParents(path);
    if (this.#entries.get(path)?.kind === "directory") {
      throw directoryInPlace(path, this.name);
    }
    this.#entries.delete(path);
  }

  #makeParents(path: string): void {
    for (const parent of parentsOf(path)) {
      const kind = this.#entries.get(parent)?.kind;
      if (kind === undefined) {
        this.#entries.set(parent, { kind: "directory", mode: IMPLICIT_MODE });
      } else if (kind !== "directory") {
        throw unsafeMember(parent, this.name, "is not a directory");
      }
    }
  }
}
