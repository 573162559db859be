import { dirname, join } from "@std/path";
import fs from "node:fs";

import { PspfError } from "../errors.ts";
import { DirectoryTarget } from "./directory_target.ts";
import { fileError, quotePath } from "./file_error.ts";
import { removeTree } from "./remove_tree.ts";
import { sweepLeftovers } from "./sweep_leftovers.ts";
import type { Temporaries } from "./temporaries.ts";
import { temporaryPathFor } from "./temporary_name.ts";
import type { DirectoryDraft } from "./types.ts";

/**
 * Starts a directory that appears under its name only when it is complete.
 *
 * @param path The absolute final path.
 * @param merge Whether members may replace those of an existing directory.
 * @param temporaries Remembers the unfinished directory.
 * @returns The draft; dispose it.
 * @throws {PspfError} `io/exists`, `io/denied`, `io/no-space`
 */
export function openDirectoryDraft(
  path: string,
  merge: boolean,
  temporaries: Temporaries,
): DirectoryDraft {
  const found = lookAt(path);
  if (found === "other" || (found === "full" && !merge)) {
    throw new PspfError(
      "io/exists",
      found === "other"
        ? `${quotePath(path)} exists and is not a directory`
        : `${quotePath(path)} exists and is not empty`,
      {
        context: { path },
        hint: found === "other"
          ? "Choose another name"
          : "Choose another directory, or use --force to replace members in it",
      },
    );
  }
  sweepLeftovers(path);
  const temporary = temporaryPathFor(path);
  temporaries.add(temporary);
  try {
    fs.mkdirSync(dirname(path), { recursive: true });
    fs.mkdirSync(temporary, 0o700);
    return new Draft(path, temporary, lockDirectory(temporary), temporaries);
  } catch (error) {
    temporaries.delete(temporary);
    throw fileError(error, `create ${quotePath(path)}`, path);
  }
}

type Found = "nothing" | "empty" | "full" | "other";

function lookAt(path: string): Found {
  const facts = fs.statSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return "nothing";
  if (!facts.isDirectory()) return "other";
  return fs.readdirSync(path).length === 0 ? "empty" : "full";
}

/** Tells sweepers that somebody is at work here. */
function lockDirectory(path: string): Disposable {
  try {
    const file = Deno.openSync(path, { read: true });
    file.tryLockSync(true);
    return file;
  } catch {
    // Windows cannot lock directories, and its sweepers cannot either.
    return { [Symbol.dispose]: () => undefined };
  }
}

class Draft implements DirectoryDraft {
  readonly target: DirectoryTarget;
  readonly #path: string;
  readonly #temporary: string;
  readonly #lock: Disposable;
  readonly #temporaries: Temporaries;
  #disposed = false;

  constructor(
    path: string,
    temporary: string,
    lock: Disposable,
    temporaries: Temporaries,
  ) {
    this.target = new DirectoryTarget(temporary, path);
    this.#path = path;
    this.#temporary = temporary;
    this.#lock = lock;
    this.#temporaries = temporaries;
  }

  commit(): Promise<void> {
    return new Promise((resolve) => {
      try {
        const found = lookAt(this.#path);
        if (found === "empty") fs.rmdirSync(this.#path);
        if (found === "full") {
          mergeInto(this.#temporary, this.#path);
        } else {
          fs.chmodSync(this.#temporary, 0o777 & ~Deno.umask());
          fs.renameSync(this.#temporary, this.#path);
        }
      } catch (error) {
        throw fileError(error, `create ${quotePath(this.#path)}`, this.#path);
      }
      resolve();
    });
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return Promise.resolve();
    this.#disposed = true;
    removeTree(this.#temporary);
    this.#temporaries.delete(this.#temporary);
    this.#lock[Symbol.dispose]();
    return Promise.resolve();
  }
}

/** Moves members one by one; nothing is ever moved through a link. */
function mergeInto(from: string, to: string): void {
  for (const entry of fs.readdirSync(from, { withFileTypes: true })) {
    const source = join(from, entry.name);
    const target = join(to, entry.name);
    const existing = fs.lstatSync(target, { throwIfNoEntry: false });
    if (entry.isDirectory() && existing?.isDirectory() === true) {
      mergeInto(source, target);
      continue;
    }
    if (existing?.isDirectory() === true || entry.isDirectory()) {
      if (existing !== undefined) {
        throw new PspfError(
          "io/exists",
          `Cannot replace ${
            quotePath(target)
          }: one is a directory, the other is not`,
          { context: { path: target }, hint: "Remove it first" },
        );
      }
    }
    fs.renameSync(source, target);
  }
}
