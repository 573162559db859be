import { resolve } from "@std/path";
import fs from "node:fs";
import os from "node:os";

import { PspfError } from "../errors.ts";
import type { ByteSink } from "../io/byte_sink.ts";
import type { FileTree } from "../io/file_tree.ts";
import { openDirectoryDraft } from "./directory_draft.ts";
import { DirectoryTree } from "./directory_tree.ts";
import { fileError, isMissing, quotePath } from "./file_error.ts";
import { openFileSink } from "./file_sink.ts";
import { type FileSource, identityOf, openFileSource } from "./file_source.ts";
import { removeTree } from "./remove_tree.ts";
import type { Temporaries } from "./temporaries.ts";
import type {
  DirectoryDraft,
  FileFacts,
  FileReader,
  FileWriter,
  SinkOptions,
} from "./types.ts";

/** The files of this machine; relative paths start at one directory. */
export class SystemFiles implements FileReader, FileWriter {
  readonly #base: string | undefined;
  readonly #temporaries: Temporaries;

  constructor(base: string | undefined, temporaries: Temporaries) {
    this.#base = base;
    this.#temporaries = temporaries;
  }

  absolute(path: string): string {
    try {
      return this.#base === undefined
        ? resolve(path)
        : resolve(this.#base, path);
    } catch (error) {
      throw fileError(error, `resolve ${quotePath(path)}`, path);
    }
  }

  facts(path: string): Promise<FileFacts | undefined> {
    return this.#do("look at", path, (full) => factsOf(fs.statSync, full));
  }

  linkFacts(path: string): Promise<FileFacts | undefined> {
    return this.#do("look at", path, (full) => factsOf(fs.lstatSync, full));
  }

  realPath(path: string): Promise<string> {
    return this.#do("resolve", path, (full) => fs.realpathSync(full));
  }

  readLink(path: string): Promise<string | undefined> {
    return this.#do("read the link", path, (full) => {
      try {
        return fs.readlinkSync(full);
      } catch {
        return undefined;
      }
    });
  }

  list(path: string): Promise<readonly string[]> {
    return this.#do("list", path, (full) => {
      try {
        return fs.readdirSync(full).sort();
      } catch (error) {
        if (isMissing(error)) return [];
        throw error;
      }
    });
  }

  async readBytes(
    path: string,
    limit: number,
  ): Promise<Uint8Array<ArrayBuffer>> {
    await using source = await this.openSource(path);
    if (source.size > limit) {
      throw new PspfError(
        "format/too-large",
        `Cannot read ${
          quotePath(path)
        }: it has ${source.size} bytes, at most ${limit} are expected here`,
        { context: { path, actual: source.size, expected: limit } },
      );
    }
    return new Uint8Array(await source.read(0, source.size));
  }

  openSource(path: string): Promise<FileSource> {
    return this.#do("open", path, (full) => openFileSource(full, path));
  }

  openTree(path: string): Promise<FileTree> {
    return this.#do("open", path, (full) => new DirectoryTree(full));
  }

  makeDirectory(path: string, mode: number = 0o777): Promise<void> {
    return this.#do("create", path, (full) => {
      fs.mkdirSync(full, { recursive: true, mode });
    });
  }

  createSink(path: string, options: SinkOptions = {}): Promise<ByteSink> {
    return this.#do(
      "create",
      path,
      (full) => openFileSink(full, this.#temporaries, options),
    );
  }

  createDirectory(
    path: string,
    merge: boolean = false,
  ): Promise<DirectoryDraft> {
    return this.#do(
      "create",
      path,
      (full) => openDirectoryDraft(full, merge, this.#temporaries),
    );
  }

  rename(from: string, to: string): Promise<void> {
    return this.#do("rename", from, (full) => {
      fs.renameSync(full, this.absolute(to));
    });
  }

  touch(path: string): Promise<void> {
    return this.#do("touch", path, (full) => {
      const now = new Date();
      fs.utimesSync(full, now, now);
    });
  }

  remove(path: string): Promise<void> {
    return this.#do("remove", path, (full) => {
      removeTree(full);
      this.#temporaries.delete(full);
    });
  }

  makeTemporaryDirectory(prefix: string): Promise<string> {
    return this.#do("create a directory in", os.tmpdir(), (full) => {
      const path = fs.mkdtempSync(resolve(full, prefix));
      this.#temporaries.add(path);
      return path;
    });
  }

  #do<T>(
    action: string,
    path: string,
    work: (full: string) => T,
  ): Promise<T> {
    return new Promise((resolvePromise) => {
      try {
        // A relative path as it is needs no permission for the directory.
        const full = this.#base === undefined ? path : this.absolute(path);
        resolvePromise(work(full));
      } catch (error) {
        throw fileError(error, `${action} ${quotePath(path)}`, path);
      }
    });
  }
}

function factsOf(
  stat: typeof fs.statSync,
  path: string,
): FileFacts | undefined {
  let facts: fs.Stats;
  try {
    facts = stat(path);
  } catch (error) {
    if (isMissing(error)) return undefined;
    throw error;
  }
  return {
    kind: facts.isFile()
      ? "file"
      : facts.isDirectory()
      ? "directory"
      : facts.isSymbolicLink()
      ? "symlink"
      : "other",
    size: facts.size,
    mode: facts.mode & 0o777,
    owner: Deno.build.os === "windows" ? undefined : facts.uid,
    modifiedMs: facts.mtimeMs,
    identity: identityOf(facts),
  };
}
