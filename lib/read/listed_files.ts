import { encodeHex } from "@std/encoding/hex";

import { createSha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import type { ExtractTarget } from "../io/extract_target.ts";

/** One thing that a slot would put into the workenv, by its path below it. */
export type ListedFile =
  | {
    readonly kind: "file";
    readonly path: string;
    /** Permission bits. */
    readonly mode: number;
    /** Length in bytes. */
    readonly size: number;
    /** SHA-256 of the content; absent unless asked for. */
    readonly sha256?: string;
  }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | {
    readonly kind: "link";
    readonly path: string;
    /** Where it points; for a hard link the file that it repeats. */
    readonly target: string;
  };

/** How a list is made. */
export interface ListingOptions {
  /** Whether files are hashed. */
  readonly withDigests?: boolean | undefined;
  /** Most things in the list. */
  readonly maxFiles?: number | undefined;
}

/** Takes what is extracted down in a list and writes nothing. */
export class ListingTarget implements ExtractTarget {
  /** What to call it in messages. */
  readonly name = "listing";
  /** What was extracted, in the order of the slot. */
  readonly files: ListedFile[] = [];
  readonly #options: ListingOptions;

  constructor(options: ListingOptions = {}) {
    this.#options = options;
  }

  directory(path: string, mode: number): Promise<void> {
    return Promise.try(() => this.#add({ kind: "directory", path, mode }));
  }

  async file(
    path: string,
    mode: number,
    _size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const hash = this.#options.withDigests ? createSha256() : undefined;
    let size = 0;
    for await (const chunk of content) {
      size += chunk.length;
      await hash?.update(chunk);
    }
    const sha256 = hash && encodeHex(await hash.digest());
    this.#add({
      kind: "file",
      path,
      mode,
      size,
      ...(sha256 && { sha256 }),
    });
  }

  symlink(path: string, target: string): Promise<void> {
    return Promise.try(() => this.#add({ kind: "link", path, target }));
  }

  hardLink(path: string, existing: string): Promise<void> {
    return this.symlink(path, existing);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }

  #add(file: ListedFile): void {
    const { maxFiles = Infinity } = this.#options;
    if (this.files.length === maxFiles) {
      throw new PspfError(
        "archive/too-large",
        `Cannot list the archive: it has more than ${maxFiles} members`,
        { context: { expected: maxFiles } },
      );
    }
    this.files.push(file);
  }
}
