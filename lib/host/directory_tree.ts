import fs from "node:fs";

import { PspfError } from "../errors.ts";
import type {
  FileTree,
  FileTreeEntry,
  OpenTreeFile,
  UnsupportedTreeEntry,
} from "../io/file_tree.ts";
import { fileError, quotePath } from "./file_error.ts";
import { openFileSource } from "./file_source.ts";

/** What the runtime puts where a name is not UTF-8. */
const REPLACEMENT = "\u{FFFD}";
const PERMISSION_BITS = 0o777;
/** Windows has no permission bits worth keeping. */
const FIXED_MODE = Deno.build.os === "windows" ? 0o755 : undefined;

/** A directory of this machine as a {@linkcode FileTree}. */
export class DirectoryTree implements FileTree {
  readonly name: string;

  /** @param path The absolute path of the directory. */
  constructor(path: string) {
    this.name = path;
    const facts = statRoot(path);
    if (facts.isDirectory()) return;
    throw new PspfError(
      "io/failed",
      `Cannot list ${quotePath(path)}: it is not a directory`,
      { context: { path } },
    );
  }

  async *entries(
    descend: (path: string) => boolean = () => true,
  ): AsyncIterable<FileTreeEntry | UnsupportedTreeEntry> {
    // A stack instead of recursion: deep trees must not exhaust ours.
    const pending = [""];
    for (let base = pending.pop(); base !== undefined; base = pending.pop()) {
      for (const name of this.#names(base)) {
        const path = base === "" ? name : `${base}/${name}`;
        const entry = this.#entry(path);
        yield entry;
        if (entry.kind === "directory" && descend(path)) pending.push(path);
      }
    }
  }

  readFile(path: string, size: number): Uint8Array {
    const full = this.#full(path);
    let bytes: Uint8Array;
    try {
      bytes = fs.readFileSync(full);
    } catch (error) {
      throw fileError(error, `read ${quotePath(full)}`, full);
    }
    if (bytes.length === size) return bytes;
    throw new PspfError(
      "build/source-changed",
      `${
        quotePath(full)
      } changed while it was read: it has ${bytes.length} bytes, expected ${size}`,
      {
        context: { path: full, expected: size, actual: bytes.length },
        hint: "Pack again when nothing writes to the directory",
      },
    );
  }

  openFile(path: string): OpenTreeFile {
    const source = openFileSource(this.#full(path));
    let offset = 0;
    return {
      size: source.size,
      readInto: (into) => {
        const count = source.readInto(offset, into);
        offset += count;
        return count;
      },
      [Symbol.dispose]: () => source.close(),
    };
  }

  #full(path: string): string {
    return path === "" ? this.name : `${this.name}/${path}`;
  }

  #names(base: string): string[] {
    const full = this.#full(base);
    let names: string[];
    try {
      names = fs.readdirSync(full);
    } catch (error) {
      throw fileError(error, `list ${quotePath(full)}`, full);
    }
    checkNames(names, full);
    return names;
  }

  #entry(path: string): FileTreeEntry | UnsupportedTreeEntry {
    const full = this.#full(path);
    let facts: fs.Stats;
    try {
      facts = fs.lstatSync(full);
      if (facts.isSymbolicLink()) {
        return { kind: "symlink", path, target: readTarget(full) };
      }
    } catch (error) {
      throw fileError(error, `look at ${quotePath(full)}`, full);
    }
    const mode = FIXED_MODE ?? (facts.mode & PERMISSION_BITS);
    if (facts.isDirectory()) return { kind: "directory", path, mode };
    if (facts.isFile()) return { kind: "file", path, mode, size: facts.size };
    return { kind: "other", path };
  }
}

function statRoot(path: string): fs.Stats {
  try {
    return fs.statSync(path);
  } catch (error) {
    throw fileError(error, `open ${quotePath(path)}`, path);
  }
}

/**
 * A name that is not UTF-8 arrives with replacement characters; a file that has
 * one in its real name can be found under it, and only once.
 */
function checkNames(names: readonly string[], directory: string): void {
  const suspects = names.filter((name) => name.includes(REPLACEMENT));
  for (const name of suspects) {
    const path = `${directory}/${name}`;
    const found = fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined;
    const count = suspects.filter((other) => other === name).length;
    if (!found || count > 1) throw notUtf8("name", path);
  }
}

function readTarget(path: string): string {
  try {
    return fs.readlinkSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.InvalidData) {
      throw notUtf8("link target", path, error);
    }
    throw error;
  }
}

function notUtf8(what: string, path: string, cause?: unknown): PspfError {
  return new PspfError(
    "archive/unsupported-entry",
    `Cannot pack ${quotePath(path)}: its ${what} is not UTF-8`,
    {
      context: { path },
      hint: "Rename it, or exclude its directory: exclude = [...] in the slot",
      cause,
    },
  );
}
