import { join } from "@std/path";
import fs from "node:fs";
import os from "node:os";

import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { Spool } from "../io/spool.ts";
import { FileAppender } from "./file_appender.ts";
import { fileError, quotePath } from "./file_error.ts";
import { FileSource } from "./file_source.ts";
import {
  sweepLeftovers,
  type Temporaries,
  temporaryPathFor,
} from "./temporaries.ts";

/**
 * Opens scratch space. Where the system allows it, its file loses its name at
 * once, so that even a killed process leaves nothing.
 *
 * @param directory Where it lives; the system's place when absent.
 * @param temporaries Remembers the file where it keeps its name.
 * @returns The spool; dispose it.
 * @throws {PspfError} `io/denied`, `io/no-space`
 */
export function openFileSpool(
  directory: string | undefined,
  temporaries: Temporaries,
): Spool {
  const target = join(directory ?? os.tmpdir(), "spool");
  const losesName = Deno.build.os !== "windows";
  if (losesName) sweepLeftovers(target);
  const path = temporaryPathFor(target);
  const action = `create ${quotePath(path)}`;
  temporaries.add(path);
  try {
    const file = Deno.openSync(path, {
      write: true,
      createNew: true,
      mode: 0o600,
    });
    // The sign of life that a sweep looks for, as long as there is a name.
    if (losesName) file.lockSync(true);
    const fd = fs.openSync(path, fs.constants.O_RDONLY);
    if (losesName) {
      fs.unlinkSync(path);
      temporaries.delete(path);
    }
    return new FileSpool(path, file, fd, temporaries);
  } catch (error) {
    throw fileError(error, action, path);
  }
}

class FileSpool implements Spool {
  readonly #path: string;
  readonly #file: Deno.FsFile;
  readonly #fd: number;
  readonly #temporaries: Temporaries;
  readonly #appender: FileAppender;
  #source: FileSource | undefined;
  #closed = false;

  constructor(
    path: string,
    file: Deno.FsFile,
    fd: number,
    temporaries: Temporaries,
  ) {
    this.#path = path;
    this.#file = file;
    this.#fd = fd;
    this.#temporaries = temporaries;
    this.#appender = new FileAppender(file, path);
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#appender.write(chunk);
  }

  async finish(): Promise<RandomAccessSource> {
    await this.#appender.flush();
    this.#source ??= new FileSource(this.#path, this.#fd, this.#appender.size);
    return this.#source;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    if (this.#source === undefined) fs.closeSync(this.#fd);
    else await this.#source[Symbol.asyncDispose]();
    this.#file.close();
    if (Deno.build.os === "windows") {
      fs.rmSync(this.#path, { force: true });
      this.#temporaries.delete(this.#path);
    }
  }
}
