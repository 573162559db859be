import { dirname } from "@std/path";
import fs from "node:fs";

import { PspfError } from "../errors.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import { FileAppender } from "./file_appender.ts";
import { fileError, isTaken, quotePath } from "./file_error.ts";

/** While a tree is written its directories belong to us alone. */
const WORKING_MODE = 0o700;
const PERMISSION_BITS = 0o777;

/**
 * A fresh directory that slots are extracted into. Nobody else knows its name,
 * so a link inside of it can only come from the archive, and every directory
 * on the way to a member is one that was made here: a path through a link is
 * refused.
 */
export class DirectoryTarget implements ExtractTarget {
  readonly name: string;
  readonly #root: string;
  /** Directories made here, with the mode they get at the end. */
  readonly #directories = new Map<string, number>();

  /**
   * @param root A fresh, empty directory; its absolute path.
   * @param name What to call it in messages.
   */
  constructor(root: string, name: string) {
    this.#root = root;
    this.name = name;
  }

  directory(path: string, mode: number): Promise<void> {
    return this.#attempt(path, () => {
      this.#makeParents(path);
      if (!this.#directories.has(path)) this.#makeWay(path);
      this.#makeParents(`${path}/.`);
      this.#directories.set(path, mode & PERMISSION_BITS);
    });
  }

  async file(
    path: string,
    mode: number,
    size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void> {
    let file: Deno.FsFile | undefined;
    try {
      await this.#attempt(path, () => {
        this.#makeParents(path);
        this.#makeWay(path);
        // `createNew` is O_EXCL: an existing link is never followed.
        file = Deno.openSync(this.#full(path), {
          write: true,
          createNew: true,
          mode: 0o600,
        });
      });
    } catch (error) {
      await content.cancel(error);
      throw error;
    }
    if (file === undefined) return;
    using open = file;
    const appender = new FileAppender(open, this.#shown(path));
    for await (const chunk of content) await appender.write(chunk);
    await appender.flush();
    if (size !== undefined && appender.size !== size) {
      throw new PspfError(
        "archive/truncated",
        `Cannot extract ${
          quotePath(path)
        }: it has ${appender.size} bytes, expected ${size}`,
        { context: { path, expected: size, actual: appender.size } },
      );
    }
    await this.#attempt(path, () => {
      fs.chmodSync(this.#full(path), mode & PERMISSION_BITS);
    });
  }

  symlink(path: string, target: string): Promise<void> {
    return this.#attempt(path, () => {
      this.#makeParents(path);
      this.#makeWay(path);
      fs.symlinkSync(target, this.#full(path));
    });
  }

  hardLink(path: string, existing: string): Promise<void> {
    return this.#attempt(path, () => {
      this.#checkParents(existing);
      const facts = fs.lstatSync(this.#full(existing));
      if (!facts.isFile()) throw this.#unsafe(existing, "is not a file");
      if (path === existing) return;
      this.#makeParents(path);
      this.#makeWay(path);
      fs.copyFileSync(
        this.#full(existing),
        this.#full(path),
        fs.constants.COPYFILE_EXCL,
      );
    });
  }

  finish(): Promise<void> {
    // Deepest first: a directory may lose its own write bit.
    const paths = [...this.#directories.keys()].sort().reverse();
    for (const path of paths) {
      const mode = this.#directories.get(path) ?? WORKING_MODE;
      fs.chmodSync(this.#full(path), mode);
    }
    return Promise.resolve();
  }

  #full(path: string): string {
    return path === "" ? this.#root : `${this.#root}/${path}`;
  }

  #shown(path: string): string {
    return path === "" ? this.name : `${this.name}/${path}`;
  }

  /** Directories on the way to a member are made here or refused. */
  #makeParents(path: string): void {
    for (const parent of parentsOf(path)) {
      if (this.#directories.has(parent)) continue;
      try {
        fs.mkdirSync(this.#full(parent), WORKING_MODE);
      } catch (error) {
        if (!isTaken(error)) throw error;
        throw this.#unsafe(parent, "is not a directory of this archive");
      }
      this.#directories.set(parent, 0o755);
    }
  }

  /** Later members win, as in the launcher; a link is removed, never followed. */
  #makeWay(path: string): void {
    const facts = fs.lstatSync(this.#full(path), { throwIfNoEntry: false });
    if (facts === undefined) return;
    if (!facts.isDirectory()) return fs.unlinkSync(this.#full(path));
    throw new PspfError(
      "archive/bad-entry",
      `Cannot extract ${quotePath(path)}: a directory is in its place`,
      { context: { path, root: this.name } },
    );
  }

  #checkParents(path: string): void {
    for (const parent of parentsOf(path)) {
      if (!this.#directories.has(parent)) {
        throw this.#unsafe(parent, "is not a directory of this archive");
      }
    }
  }

  #unsafe(path: string, says: string): PspfError {
    return new PspfError(
      "archive/unsafe-path",
      `Cannot extract through ${quotePath(path)}: it ${says}`,
      { context: { path, root: this.name } },
    );
  }

  #attempt(path: string, action: () => void): Promise<void> {
    return new Promise((resolve) => {
      this.#checkPath(path);
      try {
        action();
      } catch (error) {
        const shown = this.#shown(path);
        throw fileError(error, `extract ${quotePath(shown)}`, shown);
      }
      resolve();
    });
  }

  /** The archive layer has checked already; a mistake there must not matter. */
  #checkPath(path: string): void {
    const parts = path.split("/");
    if (
      path === "" ||
      parts.some((part) => part === "" || part === "." || part === "..") ||
      path.includes("\0") ||
      (Deno.build.os === "windows" && /[\\:]/.test(path))
    ) {
      throw this.#unsafe(path, "leaves the directory");
    }
  }
}

function parentsOf(path: string): string[] {
  const parents: string[] = [];
  for (let at = dirname(path); at !== "."; at = dirname(at)) parents.push(at);
  return parents.reverse();
}
