import { basename, dirname, join } from "@std/path";
import fs from "node:fs";

import { fileError, quotePath } from "./file_error.ts";
import { removeTree } from "./remove_tree.ts";

/**
 * What has to disappear when the program ends early. Removal is synchronous, so
 * that it can happen between a signal and the exit.
 */
export class Temporaries {
  readonly #paths = new Set<string>();

  /** Remembers a file or directory that is not finished. */
  add(path: string): void {
    this.#paths.add(path);
  }

  /** Forgets one that has been published or removed. */
  delete(path: string): void {
    this.#paths.delete(path);
  }

  /** Removes all of them, best effort: there is nobody left to tell. */
  removeAll(): void {
    for (const path of this.#paths) {
      try {
        removeTree(path);
      } catch {
        // What cannot be removed stays; its name shows what it is.
      }
    }
    this.#paths.clear();
  }
}

const SUFFIX = ".flavor-tmp";

function prefixFor(target: string): string {
  // Names may have 255 bytes; a character has at most four.
  return `.${basename(target).slice(0, 48)}.`;
}

/**
 * Names an unfinished file or directory: beside its target, so that a rename
 * suffices, hidden, and recognisable. Nobody uses the name.
 */
export function temporaryPathFor(target: string): string {
  const random = crypto.randomUUID().slice(0, 13);
  return join(dirname(target), `${prefixFor(target)}${random}${SUFFIX}`);
}

/**
 * Makes something unfinished beside its target and locks it, so that sweepers
 * leave it alone. `make` gives nothing where there is nothing to lock.
 */
export function createTemporary<F extends Deno.FsFile | undefined>(
  target: string,
  temporaries: Temporaries,
  make: (path: string) => F,
): { readonly path: string; readonly file: F } {
  // Another process may sweep it before it is locked; then a new one is made,
  // which is no more likely to meet that fate.
  for (;;) {
    const path = temporaryPathFor(target);
    temporaries.add(path);
    try {
      const file = make(path);
      const isLocked = file === undefined || tryLock(file);
      if (isLocked && fs.existsSync(path)) return { path, file };
      file?.close();
    } catch (error) {
      temporaries.delete(path);
      throw fileError(error, `create ${quotePath(target)}`, target);
    }
    temporaries.delete(path);
  }
}

/** Some network file systems have no locks; then nothing is swept there. */
function tryLock(file: Deno.FsFile): boolean {
  try {
    return file.tryLockSync(true);
  } catch {
    return true;
  }
}

function isTemporaryNameFor(name: string, target: string): boolean {
  const prefix = prefixFor(target);
  return name.startsWith(prefix) && name.endsWith(SUFFIX) &&
    /^[0-9a-f]{8}-[0-9a-f]{4}$/.test(name.slice(prefix.length, -SUFFIX.length));
}

/**
 * Removes what a killed process left beside a target. A living one holds a lock
 * on its unfinished file, and that lock dies with it, so there is no guessing.
 */
export function sweepLeftovers(target: string): void {
  const directory = dirname(target);
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch {
    return;
  }
  for (const name of names) {
    if (isTemporaryNameFor(name, target)) sweep(join(directory, name));
  }
}

function sweep(path: string): void {
  try {
    const facts = fs.lstatSync(path);
    if (!facts.isFile() && !facts.isDirectory()) return;
    using file = Deno.openSync(path, { read: true });
    if (file.tryLockSync(true)) removeTree(path);
  } catch {
    // Whatever it is, it is not in our way: its name is never used again.
  }
}
