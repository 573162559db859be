import fs from "node:fs";

import type { ByteSink } from "../io/byte_sink.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { FileAppender } from "./file_appender.ts";
import { fileError, quotePath } from "./file_error.ts";
import { openFileSource } from "./file_source.ts";
import { checkFree, publishFile } from "./publish.ts";
import { sweepLeftovers } from "./sweep_leftovers.ts";
import type { Temporaries } from "./temporaries.ts";
import { temporaryPathFor } from "./temporary_name.ts";
import type { SinkOptions } from "./types.ts";

/**
 * Opens a file that appears under its name only when it is complete.
 *
 * @param path The absolute final path.
 * @param temporaries Remembers the unfinished file.
 * @param options Mode, and whether to replace.
 * @returns The sink; dispose it.
 * @throws {PspfError} `io/exists`, `io/denied`, `io/no-space`
 */
export function openFileSink(
  path: string,
  temporaries: Temporaries,
  options: SinkOptions = {},
): ByteSink {
  const { mode = 0o644, replace = false } = options;
  const facts = fs.lstatSync(path, { throwIfNoEntry: false });
  if (!replace || facts?.isDirectory() === true) checkFree(path);
  sweepLeftovers(path);
  let opened: OpenedTemporary | undefined;
  // Another process may sweep the file before it is locked; then a new one is
  // made, which is no more likely to meet that fate.
  while (opened === undefined) opened = openTemporary(path, temporaries);
  return new FileSink(path, opened, { mode, replace }, temporaries);
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
  readonly #temporary: OpenedTemporary;
  readonly #options: Required<SinkOptions>;
  readonly #temporaries: Temporaries;
  readonly #appender: FileAppender;
  #state: "open" | "committed" | "closed" = "open";

  constructor(
    path: string,
    temporary: OpenedTemporary,
    options: Required<SinkOptions>,
    temporaries: Temporaries,
  ) {
    this.name = path;
    this.#temporary = temporary;
    this.#options = options;
    this.#temporaries = temporaries;
    this.#appender = new FileAppender(temporary.file, path);
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#appender.write(chunk);
  }

  async reopen(): Promise<RandomAccessSource> {
    await this.#appender.flush();
    return openFileSource(this.#temporary.path, this.name);
  }

  async commit(): Promise<void> {
    await this.#appender.flush();
    const { path, file } = this.#temporary;
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

  [Symbol.asyncDispose](): Promise<void> {
    const committed = this.#state === "committed";
    if (this.#state === "closed") return Promise.resolve();
    this.#state = "closed";
    const { path, file } = this.#temporary;
    if (!committed) {
      fs.rmSync(path, { force: true });
      this.#temporaries.delete(path);
    }
    file.close();
    return Promise.resolve();
  }
}
