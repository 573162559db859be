import fs from "node:fs";

import type { ByteSink } from "../io/byte_sink.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { FileAppender } from "./file_appender.ts";
import { fileError, quotePath } from "./file_error.ts";
import { openFileSource } from "./file_source.ts";
import { checkFree, checkReplaceable, publishFile } from "./publish.ts";
import {
  sweepLeftovers,
  type Temporaries,
  temporaryPathFor,
} from "./temporaries.ts";
import type { SinkOptions } from "./types.ts";

/**
 * Opens a file that appears under its name only when it is complete. Its
 * temporary file is made with the first byte, so that a build whose sources
 * include the directory does not find it there.
 *
 * @param path The absolute final path.
 * @param temporaries Remembers the unfinished file.
 * @param options Mode, and whether to replace.
 * @returns The sink; dispose it.
 * @throws {PspfError} `io/exists`
 */
export function openFileSink(
  path: string,
  temporaries: Temporaries,
  options: SinkOptions = {},
): ByteSink {
  const { mode = 0o644, replace = false } = options;
  if (replace) checkReplaceable(path);
  else checkFree(path);
  sweepLeftovers(path);
  return new FileSink(path, { mode, replace }, temporaries);
}

function openAnyTemporary(
  target: string,
  temporaries: Temporaries,
): OpenedTemporary {
  // Another process may sweep the file before it is locked; then a new one is
  // made, which is no more likely to meet that fate.
  for (;;) {
    const opened = openTemporary(target, temporaries);
    if (opened !== undefined) return opened;
  }
}

interface OpenedTemporary {
  readonly path: string;
  readonly file: Deno.FsFile;
}

function openTemporary(
  target: string,
  temporaries: Temporaries,
): OpenedTemporary | undefined {
  const path = temporaryPathFor(target);
  temporaries.add(path);
  try {
    const file = Deno.openSync(path, {
      read: true,
      write: true,
      createNew: true,
      mode: 0o600,
    });
    if (tryLock(file) && file.statSync().nlink !== 0) return { path, file };
    file.close();
    temporaries.delete(path);
    return undefined;
  } catch (error) {
    temporaries.delete(path);
    throw fileError(error, `create ${quotePath(target)}`, target);
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

class FileSink implements ByteSink {
  readonly name: string;
  readonly #options: Required<SinkOptions>;
  readonly #temporaries: Temporaries;
  #opened: (OpenedTemporary & { readonly appender: FileAppender }) | undefined;
  #state: "open" | "committed" | "closed" = "open";

  constructor(
    path: string,
    options: Required<SinkOptions>,
    temporaries: Temporaries,
  ) {
    this.name = path;
    this.#options = options;
    this.#temporaries = temporaries;
  }

  async write(chunk: Uint8Array): Promise<void> {
    await this.#open().appender.write(chunk);
  }

  async reopen(): Promise<RandomAccessSource> {
    const { appender, path } = this.#open();
    await appender.flush();
    return openFileSource(path, this.name);
  }

  async commit(): Promise<void> {
    const { appender, path, file } = this.#open();
    await appender.flush();
    try {
      await file.sync();
      fs.chmodSync(path, this.#options.mode);
    } catch (error) {
      throw fileError(error, `write ${quotePath(this.name)}`, this.name);
    }
    publishFile(path, this.name, this.#options.replace);
    this.#state = "committed";
    this.#temporaries.delete(path);
  }

  #open(): OpenedTemporary & { readonly appender: FileAppender } {
    if (this.#opened === undefined) {
      const opened = openAnyTemporary(this.name, this.#temporaries);
      const appender = new FileAppender(opened.file, this.name);
      this.#opened = { ...opened, appender };
    }
    return this.#opened;
  }

  [Symbol.asyncDispose](): Promise<void> {
    const committed = this.#state === "committed";
    if (this.#state === "closed") return Promise.resolve();
    this.#state = "closed";
    if (this.#opened === undefined) return Promise.resolve();
    const { path, file } = this.#opened;
    if (!committed) {
      fs.rmSync(path, { force: true });
      this.#temporaries.delete(path);
    }
    file.close();
    return Promise.resolve();
  }
}
