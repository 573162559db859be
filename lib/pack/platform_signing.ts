import { concat } from "@std/bytes/concat";
import { alignUp } from "../bytes/u64.ts";
import { sha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import {
  clearRewritten,
  CODE_SIGNATURE,
  examineExecutable,
  EXECUTABLE_HEADER_SIZE,
  isLinkedit,
  MACHO_HEADER_SIZE,
  machoCommands,
  SEGMENT_64,
  viewOf,
} from "../format/platform_signature.ts";
import { nodeBuiltin } from "../io/node_builtin.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";

/** A launcher as it goes into a package. */
export interface PreparedLauncher {
  /** Its bytes; not closed. */
  readonly source: RandomAccessSource;
  /** Signs the file, where it does not run without. */
  readonly signer: MachoSigner | undefined;
}

/**
 * Makes a launcher ready for the signature of its platform, which comes behind
 * the package: an older signature is forgotten, and what signing rewrites is
 * zero. Programs for macOS do not start unless each of their pages has the
 * signed digest, so theirs is written with the package.
 *
 * @throws {PspfError} `launcher/wrong-format`
 */
export async function prepareLauncher(
  launcher: RandomAccessSource,
  name: string,
  signal?: AbortSignal,
): Promise<PreparedLauncher> {
  const size = Math.min(launcher.size, EXECUTABLE_HEADER_SIZE);
  const head = (await launcher.read(0, size, { signal })).slice();
  const isMacho = head.length >= MACHO_HEADER_SIZE &&
    viewOf(head).getUint32(0, true) === 0xfeedfacf;
  if (isMacho) addSignatureCommand(head, launcher.name);
  const signable = examineExecutable(head);
  if (signable === undefined) return { source: launcher, signer: undefined };
  clearRewritten(signable, 0, head);
  return {
    source: withHead(launcher, head),
    signer: isMacho ? new MachoSigner(name) : undefined,
  };
}

/** The same bytes but the first ones. */
function withHead(
  source: RandomAccessSource,
  head: Uint8Array,
): RandomAccessSource {
  return {
    name: source.name,
    size: source.size,
    async read(offset, length, options): Promise<Uint8Array> {
      const bytes = (await source.read(offset, length, options)).slice();
      if (offset < head.length) {
        bytes.set(head.subarray(offset, offset + length));
      }
      return bytes;
    },
    stream(start, length, options): ReadableStream<Uint8Array> {
      let offset = start;
      return source.stream(start, length, options).pipeThrough(
        new TransformStream<Uint8Array, Uint8Array>({
          transform(chunk, controller): void {
            const bytes = chunk.slice();
            if (offset < head.length) {
              bytes.set(head.subarray(offset, offset + chunk.length));
            }
            offset += chunk.length;
            controller.enqueue(bytes);
          },
        }),
      );
    },
    [Symbol.asyncDispose]: () => source[Symbol.asyncDispose](),
  };
}

/**
 * Adds the load command that says where the signature is. Linkers leave room
 * for it between the commands and the first section.
 */
function addSignatureCommand(head: Uint8Array, name: string): void {
  const view = viewOf(head);
  const refuse = (what: string): never => {
    throw new PspfError(
      "launcher/wrong-format",
      `Cannot pack the launcher "${name}": ${what}`,
      { hint: "Use a launcher of ours, or link it with -headerpad 0x20" },
    );
  };
  try {
    const commands = machoCommands(view);
    if (commands.some(({ kind }) => kind === CODE_SIGNATURE)) return;
    const last = commands.at(-1);
    const end = last === undefined ? MACHO_HEADER_SIZE : last.at + last.size;
    const sections = commands.filter(({ kind }) => kind === SEGMENT_64)
      .flatMap(({ at }) =>
        Array.from(
          { length: view.getUint32(at + 64, true) },
          (_, index) => view.getUint32(at + 72 + 80 * index + 48, true),
        )
      ).filter((offset) => offset > 0);
    if (Math.min(...sections) < end + SIGNATURE_COMMAND_SIZE) {
      refuse("its header has no room for a signature");
    }
    view.setUint32(16, commands.length + 1, true);
    view.setUint32(20, end + SIGNATURE_COMMAND_SIZE - MACHO_HEADER_SIZE, true);
    view.setUint32(end, CODE_SIGNATURE, true);
    view.setUint32(end + 4, SIGNATURE_COMMAND_SIZE, true);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
    refuse("its header is damaged");
  }
}

const SIGNATURE_COMMAND_SIZE = 16;
/** What the kernel checks at a time. */
const PAGE_SIZE = 4096;
/** What a segment is rounded up to in memory. */
const MEMORY_PAGE_SIZE = 16 * 1024;
const DIGEST_SIZE = 32;
const SIGNATURE_ALIGNMENT = 16;

const SUPER_BLOB = 0xfade0cc0;
const CODE_DIRECTORY = 0xfade0c02;
/** The first version that tells which part of the file is the program. */
const CODE_DIRECTORY_VERSION = 0x20400;
const CODE_DIRECTORY_SIZE = 88;
/** No identity behind it (0x2), and made by a linker (0x20000): `codesign` replaces it unasked. */
const AD_HOC = 0x2_0002;
const MAIN_BINARY = 1;

/** What finishes a file that was signed. */
export interface MachoSignature {
  /** The bytes behind the package, zeros of alignment included. */
  readonly tail: Uint8Array<ArrayBuffer>;
  /** The first bytes of the file, which say where these are. */
  readonly head: Uint8Array<ArrayBuffer>;
}

/**
 * Hashes the pages of a package on its way out, and signs them "ad hoc": for
 * what they are, by nobody.
 */
export class MachoSigner {
  readonly #identifier: string;
  /** The start of the file, as far as headers can reach. */
  readonly #start: Uint8Array<ArrayBuffer> = new Uint8Array(
    EXECUTABLE_HEADER_SIZE,
  );
  readonly #digests: Uint8Array[] = [];
  readonly #page: Uint8Array<ArrayBuffer> = new Uint8Array(PAGE_SIZE);
  #filled = 0;
  #size = 0;

  /** Signs as a program of some name. */
  constructor(identifier: string) {
    this.#identifier = identifier;
  }

  /** Takes the next bytes of the file. */
  async update(chunk: Uint8Array): Promise<void> {
    if (this.#size < this.#start.length) {
      const room = this.#start.length - this.#size;
      this.#start.set(chunk.subarray(0, room), this.#size);
    }
    this.#size += chunk.length;
    for (let at = 0; at < chunk.length;) {
      const part = chunk.subarray(at, at + PAGE_SIZE - this.#filled);
      at += part.length;
      if (part.length === PAGE_SIZE) {
        this.#digests.push(await digestOf(part));
        continue;
      }
      this.#page.set(part, this.#filled);
      this.#filled += part.length;
      if (this.#filled === PAGE_SIZE) await this.#endPage();
    }
  }

  async #endPage(): Promise<void> {
    this.#digests.push(await digestOf(this.#page.subarray(0, this.#filled)));
    this.#filled = 0;
  }

  /** @throws {PspfError} `build/limit` above 4 GiB */
  async finish(): Promise<MachoSignature> {
    const offset = alignUp(this.#size, SIGNATURE_ALIGNMENT);
    const padding = new Uint8Array(offset - this.#size);
    await this.update(padding);
    if (this.#filled > 0) await this.#endPage();
    const size = this.#blobSize();
    if (offset + size > 0xffff_ffff) {
      throw new PspfError(
        "build/limit",
        `Cannot pack for macOS: the package has ${offset} bytes, and a program there must be smaller than 4 GiB`,
        { context: { actual: offset, limit: 0xffff_ffff } },
      );
    }
    const head = this.#start.slice(0, this.#size);
    const text = this.#writePlaces(head, offset, size);
    // The pages of the header know by now where the signature is.
    for (let page = 0; page * PAGE_SIZE < head.length; page++) {
      const bytes = head.subarray(page * PAGE_SIZE, (page + 1) * PAGE_SIZE);
      this.#digests[page] = await digestOf(bytes);
    }
    return { tail: concat([padding, this.#encode(offset, size, text)]), head };
  }

  #blobSize(): number {
    const digests = DIGEST_SIZE * this.#digests.length;
    const identifier = new TextEncoder().encode(this.#identifier).length + 1;
    return alignUp(
      20 + CODE_DIRECTORY_SIZE + identifier + digests,
      SIGNATURE_ALIGNMENT,
    );
  }

  /** Writes where the signature is, and gives where the program is. */
  #writePlaces(
    head: Uint8Array,
    offset: number,
    size: number,
  ): { readonly offset: number; readonly size: number } {
    const view = viewOf(head);
    let text = { offset: 0, size: 0 };
    for (const { at, kind, size: length } of machoCommands(view)) {
      if (kind === CODE_SIGNATURE) {
        view.setUint32(at + 8, offset, true);
        view.setUint32(at + 12, size, true);
      } else if (isLinkedit(view, at, kind, length)) {
        const fileSize = offset + size -
          Number(view.getBigUint64(at + 40, true));
        const memorySize = alignUp(fileSize, MEMORY_PAGE_SIZE);
        view.setBigUint64(at + 32, BigInt(memorySize), true);
        view.setBigUint64(at + 48, BigInt(fileSize), true);
      } else if (kind === SEGMENT_64 && nameAt(head, at) === "__TEXT") {
        text = {
          offset: Number(view.getBigUint64(at + 40, true)),
          size: Number(view.getBigUint64(at + 48, true)),
        };
      }
    }
    return text;
  }

  #encode(
    codeLimit: number,
    size: number,
    text: { readonly offset: number; readonly size: number },
  ): Uint8Array<ArrayBuffer> {
    const identifier = new TextEncoder().encode(`${this.#identifier}\0`);
    const hashOffset = CODE_DIRECTORY_SIZE + identifier.length;
    const length = hashOffset + DIGEST_SIZE * this.#digests.length;
    const bytes = new Uint8Array(size);
    const view = viewOf(bytes);
    const words = [
      ...[SUPER_BLOB, 20 + length, 1],
      // One entry, the code directory, right behind.
      ...[0, 20],
      ...[CODE_DIRECTORY, length, CODE_DIRECTORY_VERSION, AD_HOC],
      ...[hashOffset, CODE_DIRECTORY_SIZE, 0, this.#digests.length, codeLimit],
    ];
    words.forEach((word, index) => view.setUint32(4 * index, word));
    // Digests of 32 bytes, SHA-256, for every platform, of pages of 2^12.
    bytes.set([DIGEST_SIZE, 2, 0, 12], 56);
    view.setBigUint64(20 + 64, BigInt(text.offset));
    view.setBigUint64(20 + 72, BigInt(text.size));
    view.setBigUint64(20 + 80, BigInt(MAIN_BINARY));
    bytes.set(identifier, 20 + CODE_DIRECTORY_SIZE);
    this.#digests.forEach((digest, index) =>
      bytes.set(digest, 20 + hashOffset + DIGEST_SIZE * index)
    );
    return bytes;
  }
}

function nameAt(head: Uint8Array, at: number): string {
  const name = head.subarray(at + 8, at + 24);
  return new TextDecoder().decode(name).replace(/\0.*$/s, "");
}

/** At once where the runtime can: a promise for every page would cost more than its digest. */
function digestOf(page: Uint8Array): Uint8Array | Promise<Uint8Array> {
  const node = nodeBuiltin("node:crypto");
  return node?.createHash("sha256").update(page).digest() ?? sha256(page);
}
