import fs from "node:fs";

import {
  checkMemberPath,
  directoryInPlace,
  type ExtractTarget,
  IMPLICIT_MODE,
  parentsOf,
  PERMISSION_BITS,
  unsafeMember,
  wrongSize,
} from "../io/extract_target.ts";
import { fileError, isMissing, isTaken, quotePath } from "./file_error.ts";

/** While a tree is written its directories belong to us alone. */
const WORKING_MODE = 0o700;

/**
 * A fresh directory that slots are extracted into. Nobody else knows its name,
 * so a link inside it can only come from the archive, and every directory
 * on the way to a member is one that was made here: a path through a link is
 * refused.
 */
export class DirectoryTarget implements ExtractTarget {
  readonly name: string;
  readonly #root: string;
  /** Directories made here, with the mode they get at the end if one was said. */
  readonly #directories = new Map<string, number | undefined>();
  #isFinished = false;

  constructor(root: string, name: string) {
    this.#root = root;
    this.name = name;
  }

  directory(path: string, mode: number): Promise<void> {
    return Promise.try(() =>
      this.#attempt(path, () => {
        this.#makeParents(path);
        if (!this.#directories.has(path)) {
          this.#create(path, (full) => fs.mkdirSync(full, WORKING_MODE));
        }
        this.#directories.set(path, mode & PERMISSION_BITS);
      })
    );
  }

  async file(
    path: string,
    mode: number,
    size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void> {
    try {
      const fd = this.#attempt(path, () => {
        this.#makeParents(path);
        // "wx" is O_EXCL: an existing link is never followed.
        return this.#create(path, (full) => fs.openSync(full, "wx", 0o600));
      });
      let written = 0;
      try {
        // In order and at once: a turn per chunk would cost more than the write.
        for await (const chunk of content) {
          written += chunk.length;
          if (size !== undefined && written > size) break;
          this.#attempt(path, () => writeAll(fd, chunk));
        }
      } finally {
        fs.closeSync(fd);
      }
      if (size !== undefined && written !== size) {
        throw wrongSize(path, size, written);
      }
      this.#attempt(path, () => {
        fs.chmodSync(this.#full(path), mode & PERMISSION_BITS);
      });
    } catch (error) {
      if (!content.locked) await content.cancel(error).catch(() => {});
      throw error;
    }
  }

  symlink(path: string, target: string): Promise<void> {
    return Promise.try(() =>
      this.#attempt(path, () => {
        this.#makeParents(path);
        this.#create(path, (full) => fs.symlinkSync(target, full));
      })
    );
  }

  hardLink(path: string, existing: string): Promise<void> {
    return Promise.try(() =>
      this.#attempt(path, () => {
        this.#checkFile(existing);
        if (path === existing) return;
        this.#makeParents(path);
        const from = this.#full(existing);
        this.#create(path, (full) => {
          try {
            fs.linkSync(from, full);
          } catch (error) {
            if (isTaken(error)) throw error;
            // Not every file system has hard links.
            fs.copyFileSync(from, full, fs.constants.COPYFILE_EXCL);
          }
        });
      })
    );
  }

  finish(): Promise<void> {
    return Promise.try(() => this.applyModes(this.#root));
  }

  /**
   * Gives the directories their modes, in here or where they were moved to.
   * Those that were there before keep what they had, unless a member says
   * otherwise.
   */
  applyModes(
    root: string,
    before: ReadonlyMap<string, number> = new Map(),
  ): void {
    this.#isFinished = true;
    // Deepest first: a directory may lose its own write bit.
    for (const path of [...this.#directories.keys()].sort().reverse()) {
      const mode = this.#directories.get(path) ?? before.get(path) ??
        IMPLICIT_MODE;
      const full = `${root}/${path}`;
      try {
        if ((fs.lstatSync(full).mode & 0o7777) !== mode) {
          fs.chmodSync(full, mode);
        }
      } catch (error) {
        // Somebody else's directory keeps its mode.
        if (!before.has(path)) throw error;
      }
    }
  }

  /** Takes back what {@linkcode DirectoryTarget.finish} did. */
  reopen(): void {
    if (!this.#isFinished) return;
    this.#isFinished = false;
    for (const path of [...this.#directories.keys()].sort()) {
      fs.chmodSync(this.#full(path), WORKING_MODE);
    }
  }

  #full(path: string): string {
    return `${this.#root}/${path}`;
  }

  /** Directories on the way to a member are made here or refused. */
  #makeParents(path: string): void {
    for (const parent of parentsOf(path)) {
      if (this.#directories.has(parent)) continue;
      try {
        fs.mkdirSync(this.#full(parent), WORKING_MODE);
      } catch (error) {
        if (!isTaken(error)) throw error;
        throw unsafeMember(parent, this.name, "is not a directory");
      }
      this.#directories.set(parent, undefined);
    }
  }

  /** Later members win, as in the launcher; a link is removed, never followed. */
  #create<T>(path: string, make: (full: string) => T): T {
    const full = this.#full(path);
    try {
      return make(full);
    } catch (error) {
      if (!isTaken(error)) throw error;
      if (this.#directories.has(path)) throw directoryInPlace(path, this.name);
      fs.unlinkSync(full);
      return make(full);
    }
  }

  #checkFile(path: string): void {
    checkMemberPath(path, this.name);
    for (const parent of parentsOf(path)) {
      if (this.#directories.has(parent)) continue;
      throw unsafeMember(parent, this.name, "is not a directory");
    }
    try {
      if (fs.lstatSync(this.#full(path)).isFile()) return;
    } catch (error) {
      if (!isMissing(error)) throw error;
    }
    throw unsafeMember(path, this.name, "is not a file before it");
  }

  #attempt<T>(path: string, action: () => T): T {
    checkMemberPath(path, this.name);
    if (Deno.build.os === "windows" && /[\\:]/.test(path)) {
      throw unsafeMember(path, this.name, "leaves the directory");
    }
    try {
      this.reopen();
      return action();
    } catch (error) {
      const shown = `${this.name}/${path}`;
      throw fileError(error, `extract ${quotePath(shown)}`, shown);
    }
  }
}

function writeAll(fd: number, bytes: Uint8Array): void {
  for (let done = 0; done < bytes.length;) {
    done += fs.writeSync(fd, bytes, done, bytes.length - done);
  }
}
