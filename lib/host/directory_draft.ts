import { dirname, join } from "@std/path";
import fs from "node:fs";

import { PspfError } from "../errors.ts";
import { DirectoryTarget } from "./directory_target.ts";
import { fileError, quotePath } from "./file_error.ts";
import { removeTree } from "./remove_tree.ts";
import {
  createTemporary,
  sweepLeftovers,
  type Temporaries,
} from "./temporaries.ts";
import type { DirectoryDraft } from "./types.ts";

/**
 * Starts a directory that appears under its name only when it is complete.
 * With `merge` its members may replace those of an existing directory, and the
 * directory a file.
 */
export function openDirectoryDraft(
  path: string,
  merge: boolean,
  temporaries: Temporaries,
): DirectoryDraft {
  try {
    const final = realDirectory(path);
    checkPlace(final, merge);
    sweepLeftovers(final);
    fs.mkdirSync(dirname(final), { recursive: true });
    const temporary = createTemporary(final, temporaries, makeDirectory);
    return new Draft(final, merge, temporary, temporaries);
  } catch (error) {
    throw fileError(error, `create ${quotePath(path)}`, path);
  }
}

/** A link to a directory stands for that directory. */
function realDirectory(path: string): string {
  const leadsTo = fs.statSync(path, { throwIfNoEntry: false });
  const isLinked = lookAt(path) === "file" && leadsTo?.isDirectory() === true;
  return isLinked ? fs.realpathSync(path) : path;
}

type Place = "nothing" | "directory" | "file" | "other";

function lookAt(path: string): Place {
  const facts = fs.lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return "nothing";
  if (facts.isDirectory()) return "directory";
  return facts.isFile() || facts.isSymbolicLink() ? "file" : "other";
}

function isEmpty(path: string): boolean {
  return fs.readdirSync(path).length === 0;
}

/** What is at a path, unless it must not be replaced. */
function checkPlace(path: string, merge: boolean): Place {
  const place = lookAt(path);
  if (place === "nothing" || (merge && place !== "other")) return place;
  if (place === "directory" && isEmpty(path)) return place;
  const says = place === "directory" ? "is not empty" : "is not a directory";
  throw new PspfError("io/exists", `${quotePath(path)} exists and ${says}`, {
    context: { path },
    hint: {
      directory:
        "Choose another directory, or use --force to replace members in it",
      file: "Choose another name, or use --force to replace it",
      other: "Choose another name",
    }[place],
  });
}

function makeDirectory(path: string): Deno.FsFile | undefined {
  fs.mkdirSync(path, 0o700);
  try {
    return Deno.openSync(path, { read: true });
  } catch {
    // Windows cannot open directories, and its sweepers cannot either.
    return undefined;
  }
}

interface Temporary {
  readonly path: string;
  readonly file: Deno.FsFile | undefined;
}

class Draft implements DirectoryDraft {
  readonly target: DirectoryTarget;
  readonly #path: string;
  readonly #mayMerge: boolean;
  readonly #temporary: Temporary;
  readonly #temporaries: Temporaries;
  #disposed = false;

  constructor(
    path: string,
    merge: boolean,
    temporary: Temporary,
    temporaries: Temporaries,
  ) {
    this.target = new DirectoryTarget(temporary.path, path);
    this.#path = path;
    this.#mayMerge = merge;
    this.#temporary = temporary;
    this.#temporaries = temporaries;
  }

  commit(): Promise<void> {
    return Promise.try(() => {
      // Others may have been at work meanwhile.
      const place = checkPlace(this.#path, this.#mayMerge);
      if (place === "directory" && !isEmpty(this.#path)) this.#merge();
      else this.#publish(place);
    }).catch((error) => {
      throw fileError(error, `create ${quotePath(this.#path)}`, this.#path);
    });
  }

  #publish(place: Place): void {
    const { path } = this.#temporary;
    let mode = 0o777 & ~Deno.umask();
    this.target.applyModes(path);
    if (place === "directory") {
      mode = modeOf(this.#path);
      fs.rmdirSync(this.#path);
    } else if (place === "file") {
      fs.unlinkSync(this.#path);
    }
    fs.chmodSync(path, mode);
    fs.renameSync(path, this.#path);
  }

  #merge(): void {
    const [from, to] = [this.#temporary.path, this.#path];
    this.target.reopen();
    const { before, moves } = planMerge(from, to);
    try {
      for (const path of before.keys()) makeWritable(join(to, path));
      for (const path of moves) replace(join(from, path), join(to, path));
      this.target.applyModes(to, before);
      restoreMode(to, before.get(""));
    } catch (error) {
      for (const [path, mode] of [...before].reverse()) {
        restoreMode(join(to, path), mode);
      }
      throw error;
    }
  }

  [Symbol.asyncDispose](): Promise<void> {
    if (this.#disposed) return Promise.resolve();
    this.#disposed = true;
    const { path, file } = this.#temporary;
    removeTree(path);
    this.#temporaries.delete(path);
    file?.close();
    return Promise.resolve();
  }
}

function restoreMode(path: string, mode: number | undefined): void {
  try {
    if (mode !== undefined && mode !== modeOf(path)) fs.chmodSync(path, mode);
  } catch {
    // Somebody else's directory keeps the mode that it has.
  }
}

function modeOf(path: string): number {
  return fs.lstatSync(path).mode & 0o7777;
}

interface MergePlan {
  /** Directories that are there already, outermost first, with their modes. */
  readonly before: Map<string, number>;
  /** What takes the place of something, or of nothing. */
  readonly moves: string[];
}

/** Everything that could be refused is looked at before anything changes. */
function planMerge(from: string, to: string): MergePlan {
  const plan: MergePlan = { before: new Map(), moves: [] };
  const visit = (base: string): void => {
    plan.before.set(base, modeOf(join(to, base)));
    for (
      const entry of fs.readdirSync(join(from, base), { withFileTypes: true })
    ) {
      const path = base === "" ? entry.name : `${base}/${entry.name}`;
      const place = lookAt(join(to, path));
      if (place === "directory" && entry.isDirectory()) {
        visit(path);
        continue;
      }
      // What a user put into a directory is not thrown away for a file.
      if (place === "other") throw inTheWay(to, path, "not a regular file");
      if (place === "directory" && !isEmpty(join(to, path))) {
        throw inTheWay(to, path, "a directory with content");
      }
      plan.moves.push(path);
    }
  };
  visit("");
  return plan;
}

function inTheWay(root: string, path: string, what: string): PspfError {
  const full = join(root, path);
  return new PspfError(
    "io/exists",
    `Cannot replace ${quotePath(full)}: it is ${what}`,
    { context: { path: full, actual: what }, hint: "Remove it first" },
  );
}

/** The owner of a directory that forbids writing may open it for a while. */
function makeWritable(path: string): void {
  try {
    fs.accessSync(path, fs.constants.W_OK | fs.constants.X_OK);
  } catch {
    fs.chmodSync(path, modeOf(path) | 0o700);
  }
}

/** Links are replaced like files; nothing is ever moved through one. */
function replace(from: string, to: string): void {
  const place = lookAt(to);
  if (place === "directory") fs.rmdirSync(to);
  else if (place === "file" && lookAt(from) === "directory") fs.unlinkSync(to);
  fs.renameSync(from, to);
}
