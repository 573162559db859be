import fs from "node:fs";

import type { ByteSink } from "../io/byte_sink.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { fileError, quotePath } from "./file_error.ts";
import { FileSource } from "./file_source.ts";
import { checkFree, checkReplaceable, publishFile } from "./publish.ts";
import {
  createTemporary,
  sweepLeftovers,
  type Temporaries,
} from "./temporaries.ts";
import type { SinkOptions } from "./types.ts";

/**
 * Opens a file that appears under its name only when it is complete. Its
 * temporary file is made with the first byte, so that a build whose sources
 * include the directory does not find it there.
 */
export function openFileSink(
  path: string,
  temporaries: Temporaries,
  options: SinkOptions = {},
): ByteSink {
  if (options.replace === true) checkReplaceable(path);
  else checkFree(path);
  sweepLeftovers(path);
  return new FileSink(path, options, temporaries);
}

interface Temporary {
  readonly path: string;
  readonly file: Deno.FsFile;
}

class FileSink implements ByteSink {
  readonly name: string;
  readonly #options: SinkOptions;
  readonly #temporaries: Temporaries;
  #temporary: Temporary | undefined;
  #state: "open" | "committed" | "closed" = "open";

  constructor(path: string, options: SinkOptions, temporaries: Temporaries) {
    this.name = path;
    this.#options = options;
    this.#temporaries = temporaries;
  }

  write(chunk: Uint8Array): Promise<void> {
    return this.#attempt(({ file }) => {
      for (let done = 0; done < chunk.length;) {
        done += file.writeSync(chunk.subarray(done));
      }
    });
  }

  patch(offset: number, bytes: Uint8Array): Promise<void> {
    return this.#attempt(({ file }) => {
      file.seekSync(offset, Deno.SeekMode.Start);
      for (let done = 0; done < bytes.length;) {
        done += file.writeSync(bytes.subarray(done));
      }
      file.seekSync(0, Deno.SeekMode.End);
    });
  }

  reopen(): Promise<RandomAccessSource> {
    return this.#attempt(({ file }) => {
      // The same handle: where locks are mandatory, another one cannot read.
      const readSync = (into: Uint8Array, position: number): number => {
        file.seekSync(position, Deno.SeekMode.Start);
        return file.readSync(into) ?? 0;
      };
      return new FileSource(this.name, {
        readSync,
        read: (into, position) => Promise.resolve(readSync(into, position)),
        size: () => file.statSync().size,
        close: () => void file.seekSync(0, Deno.SeekMode.End),
      });
    });
  }

  async commit(): Promise<void> {
    const { mode = 0o644, replace = false, durable = false } = this.#options;
    await this.#attempt(({ path, file }) => {
      if (durable) file.syncSync();
      fs.chmodSync(path, mode);
    });
    const { path } = this.#open();
    publishFile(path, this.name, replace);
    this.#state = "committed";
    this.#temporaries.delete(path);
  }

  [Symbol.asyncDispose](): Promise<void> {
    const committed = this.#state === "committed";
    if (this.#state === "closed") return Promise.resolve();
    this.#state = "closed";
    if (this.#temporary === undefined) return Promise.resolve();
    const { path, file } = this.#temporary;
    if (!committed) {
      fs.rmSync(path, { force: true });
      this.#temporaries.delete(path);
    }
    file.close();
    return Promise.resolve();
  }

  #open(): Temporary {
    const options = { read: true, write: true, createNew: true, mode: 0o600 };
    return this.#temporary ??= createTemporary(
      this.name,
      this.#temporaries,
      (path) => Deno.openSync(path, options),
    );
  }

  #attempt<T>(action: (temporary: Temporary) => T): Promise<T> {
    return new Promise((resolve) => {
      const temporary = this.#open();
      try {
        resolve(action(temporary));
      } catch (error) {
        throw fileError(error, `write ${quotePath(this.name)}`, this.name);
      }
    });
  }
}
