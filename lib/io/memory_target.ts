import { PspfError } from "../errors.ts";
import { collectBytes } from "./collect_bytes.ts";
import type { ExtractTarget } from "./extract_target.ts";

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
  #finished = false;

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

  /** Whether {@linkcode MemoryTarget.finish} was called. */
  get finished(): boolean {
    return this.#finished;
  }

  /**
   * Creates a directory and its parents.
   *
   * @param path Below the root.
   * @param mode Permission bits.
   * @throws {PspfError} `archive/unsafe-path`, `io/exists`
   */
  directory(path: string, mode: number): Promise<void> {
    return settle(() => {
      this.#makeParents(path);
      const existing = this.#entries.get(path);
      if (existing !== undefined && existing.kind !== "directory") {
        throw this.#exists(path);
      }
      this.#entries.set(path, { kind: "directory", mode });
    });
  }

  /**
   * Takes a file into memory.
   *
   * @param path Below the root.
   * @param mode Permission bits.
   * @param size Exact length in bytes when it is known.
   * @param content The bytes.
   * @throws {PspfError} `archive/unsafe-path`, `io/exists`, `io/no-space`, `io/failed`
   */
  async file(
    path: string,
    mode: number,
    size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void> {
    try {
      this.#claim(path);
    } catch (error) {
      await content.cancel(error);
      throw error;
    }
    const bytes = await collectBytes(content, {
      maxSize: Math.min(size ?? Infinity, this.#maxFileSize),
      what: `file "${path}"`,
      code: "io/no-space",
    });
    if (size !== undefined && bytes.length !== size) {
      throw new PspfError(
        "io/failed",
        `Cannot extract "${path}": ${bytes.length} bytes came, expected ${size}`,
        { context: { path, expected: size, actual: bytes.length } },
      );
    }
    this.#entries.set(path, { kind: "file", mode, content: bytes });
  }

  /**
   * Creates a symbolic link.
   *
   * @param path Below the root.
   * @param target Where the link points.
   * @throws {PspfError} `archive/unsafe-path`, `io/exists`
   */
  symlink(path: string, target: string): Promise<void> {
    return settle(() => {
      this.#claim(path);
      this.#entries.set(path, { kind: "symlink", target });
    });
  }

  /**
   * Copies a file extracted earlier.
   *
   * @param path Below the root.
   * @param existing Below the root.
   * @throws {PspfError} `archive/unsafe-path`, `io/not-found`, `io/exists`
   */
  hardLink(path: string, existing: string): Promise<void> {
    return settle(() => {
      const entry = this.#entries.get(existing);
      if (entry?.kind !== "file") {
        throw new PspfError(
          "io/not-found",
          `Cannot link "${path}": no file "${existing}"`,
          {
            context: { path, existing },
          },
        );
      }
      this.#claim(path);
      this.#entries.set(path, entry);
    });
  }

  /** Nothing is left to do in memory. */
  finish(): Promise<void> {
    this.#finished = true;
    return Promise.resolve();
  }

  /** Makes sure that a new member can be placed at the path. */
  #claim(path: string): void {
    this.#makeParents(path);
    if (this.#entries.has(path)) throw this.#exists(path);
  }

  #makeParents(path: string): void {
    for (let at = path.indexOf("/"); at >= 0; at = path.indexOf("/", at + 1)) {
      const parent = path.slice(0, at);
      const entry = this.#entries.get(parent);
      if (entry?.kind === "symlink") {
        throw new PspfError(
          "archive/unsafe-path",
          `Cannot extract "${path}": "${parent}" is a symbolic link`,
          { context: { path, link: parent } },
        );
      }
      if (entry?.kind === "file") throw this.#exists(parent);
      if (entry === undefined) {
        this.#entries.set(parent, { kind: "directory", mode: 0o755 });
      }
    }
  }

  #exists(path: string): PspfError {
    return new PspfError(
      "io/exists",
      `Cannot extract "${path}": it exists already`,
      {
        context: { path },
      },
    );
  }
}

/** Turns what a synchronous step throws into a rejection. */
function settle(step: () => void): Promise<void> {
  return new Promise((resolve) => {
    step();
    resolve();
  });
}
