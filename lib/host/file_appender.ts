import { fileError, quotePath } from "./file_error.ts";

/** Small writes are gathered up to this many bytes. */
const BUFFER_SIZE = 1 << 20;

/** Appends to an open file in large steps, reporting errors by name. */
export class FileAppender {
  /** Bytes taken so far, gathered ones included. */
  size = 0;
  readonly #file: Deno.FsFile;
  readonly #name: string;
  #buffer: Uint8Array | undefined;
  #gathered = 0;

  constructor(file: Deno.FsFile, name: string) {
    this.#file = file;
    this.#name = name;
  }

  /** Appends bytes. */
  async write(chunk: Uint8Array): Promise<void> {
    this.size += chunk.length;
    if (this.#gathered + chunk.length > BUFFER_SIZE) await this.flush();
    if (chunk.length >= BUFFER_SIZE) return await this.#writeAll(chunk);
    this.#buffer ??= new Uint8Array(BUFFER_SIZE);
    this.#buffer.set(chunk, this.#gathered);
    this.#gathered += chunk.length;
  }

  /** Hands everything gathered to the operating system. */
  async flush(): Promise<void> {
    const gathered = this.#gathered;
    this.#gathered = 0;
    if (this.#buffer !== undefined) {
      await this.#writeAll(this.#buffer.subarray(0, gathered));
    }
  }

  async #writeAll(bytes: Uint8Array): Promise<void> {
    try {
      let done = 0;
      while (done < bytes.length) {
        done += await this.#file.write(bytes.subarray(done));
      }
    } catch (error) {
      throw fileError(error, `write ${quotePath(this.#name)}`, this.#name);
    }
  }
}
