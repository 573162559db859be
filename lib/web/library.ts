import { createSha256 } from "../crypto/sha256.ts";
import { isPspfError, type JsonValue, PspfError } from "../errors.ts";
import { encodeHex } from "@std/encoding/hex";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { VerifyLevel } from "../read/check_log.ts";
import { inspectPackage } from "../read/inspect_package.ts";
import { type OpenedPackage, openPackage } from "../read/open_package.ts";
import { problemOf } from "./problem.ts";
import type { PackageShelf, ShelvedFile } from "./shelf.ts";

/** One package in the list. */
export type ListedPackage =
  & {
    /** What it is called on this service. */
    readonly file: string;
    readonly size: number;
    /** ISO 8601, where it is known. */
    readonly modified: string | null;
  }
  & (
    | {
      readonly name: string;
      readonly version: string;
      readonly description: string | null;
      readonly slots: number;
      readonly sealed: boolean;
      /** Whether signature and seal verify; the content has not been read for it. */
      readonly signed: boolean;
      readonly fingerprint: string;
      /** Whether the key is one of those that the service trusts; `null` when it knows none. */
      readonly trusted: boolean | null;
      readonly metadata_sha256: string;
    }
    | { readonly problem: JsonValue }
  );

/** Work that reads whole packages waits here, so that asking often costs the machine little. */
const AT_ONCE = 2;

/** What was found out about a file, for as long as it is the same. */
interface Known {
  readonly identity: string;
  digest?: Promise<string>;
  listed?: Promise<ListedPackage | undefined>;
  readonly proven: Map<number, Promise<void>>;
}

/** A shelf, and what is known about what is on it. */
export class Library {
  readonly #shelf: PackageShelf;
  readonly #trusted: () => Promise<readonly string[] | undefined>;
  readonly #known = new Map<string, Known>();
  readonly #waiting: (() => void)[] = [];
  #free = AT_ONCE;

  constructor(
    shelf: PackageShelf,
    trusted: () => Promise<readonly string[] | undefined>,
  ) {
    this.#shelf = shelf;
    this.#trusted = trusted;
  }

  /** Lists what is there now. */
  async list(): Promise<readonly ListedPackage[]> {
    const files = await this.#shelf.list();
    const names = new Set(files.map(({ name }) => name));
    for (const name of this.#known.keys()) {
      if (!names.has(name)) this.#known.delete(name);
    }
    const listed = await Promise.all(files.map((file) => this.#describe(file)));
    return listed.filter((one) => one !== undefined);
  }

  /** Finds a package; a file that is none does not exist here. */
  async find(name: string): Promise<ShelvedFile> {
    const file = await this.#shelf.find(name);
    if (file !== undefined && await this.#describe(file) !== undefined) {
      return file;
    }
    throw new PspfError(
      "io/not-found",
      `There is no package ${JSON.stringify(name)}`,
      { context: { package: name }, hint: "See api/packages.json for a list" },
    );
  }

  /**
   * Opens a package. To look at it is enough for most: what is wrong with its
   * signature is told then, not refused.
   */
  async open(
    name: string,
    level: VerifyLevel = "relaxed",
  ): Promise<OpenedPackage & AsyncDisposable> {
    const file = await this.find(name);
    await using stack = new AsyncDisposableStack();
    const source = stack.use(await file.open());
    const opened = await openPackage(source, { level });
    const rest = stack.move();
    return { ...opened, [Symbol.asyncDispose]: () => rest.disposeAsync() };
  }

  /** SHA-256 of a file, as hex digits. */
  digest(file: ShelvedFile): Promise<string> {
    const known = this.#about(file);
    known.digest ??= this.heavy(() => digestOf(file));
    known.digest.catch(() => delete known.digest);
    return known.digest;
  }

  /** Makes sure that the stored bytes of a slot are the signed ones, once. */
  async prove(
    file: ShelvedFile,
    slot: number,
    body: () => Promise<void>,
  ): Promise<void> {
    const { proven } = this.#about(file);
    let proof = proven.get(slot);
    if (proof === undefined) {
      proof = this.heavy(body);
      proven.set(slot, proof);
      proof.catch(() => proven.delete(slot));
    }
    await proof;
  }

  /** Does something that reads a whole package, when it is its turn. */
  async heavy<Value>(work: () => Promise<Value>): Promise<Value> {
    if (this.#free > 0) this.#free--;
    else await new Promise<void>((resolve) => this.#waiting.push(resolve));
    try {
      return await work();
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#free++;
      else next();
    }
  }

  #about({ name, identity }: ShelvedFile): Known {
    let known = this.#known.get(name);
    if (known?.identity !== identity) {
      known = { identity, proven: new Map() };
      this.#known.set(name, known);
    }
    return known;
  }

  #describe(file: ShelvedFile): Promise<ListedPackage | undefined> {
    const known = this.#about(file);
    known.listed ??= this.#look(file);
    // A file that could not be read may be readable the next time.
    known.listed.catch(() => delete known.listed);
    return known.listed;
  }

  async #look(file: ShelvedFile): Promise<ListedPackage | undefined> {
    const { name, size, modifiedMs } = file;
    const facts = {
      file: name,
      size,
      modified: modifiedMs === undefined
        ? null
        : new Date(modifiedMs).toISOString(),
    };
    try {
      await using source = await file.open();
      const summary = await inspectPackage(source, { level: "relaxed" });
      const trusted = await this.#trusted();
      const signed = summary.checks.every(({ code }) => code === undefined);
      return {
        ...facts,
        name: summary.package.name,
        version: summary.package.version,
        description: summary.package.description ?? null,
        slots: summary.slots.length,
        sealed: summary.sealed,
        fingerprint: summary.fingerprint,
        signed,
        trusted: trusted === undefined
          ? null
          : signed && trusted.includes(summary.fingerprint),
        metadata_sha256: summary.metadataSha256,
      };
    } catch (error) {
      const isOther = isPspfError(error, "format/not-a-package") &&
        !name.endsWith(".psp");
      if (isOther || isPspfError(error, "io/not-found")) return undefined;
      const { title, code, detail } = problemOf(error);
      return { ...facts, problem: { code, title, detail } };
    }
  }
}

async function digestOf(file: ShelvedFile): Promise<string> {
  await using source = await file.open();
  const hash = createSha256();
  for await (const chunk of streamPart(source, 0, source.size)) {
    await hash.update(chunk);
  }
  return encodeHex(await hash.digest());
}

/** Little enough for hundreds of clients at once, enough to be fast. */
const CHUNK_SIZE = 512 * 1024;

/**
 * Streams a part of a source piece by piece, as fast as somebody reads and no
 * faster. `close` is called once, when all is read or nobody wants more.
 */
export function streamPart(
  source: RandomAccessSource,
  start: number,
  end: number,
  close: () => PromiseLike<void> = () => Promise.resolve(),
): ReadableStream<Uint8Array> {
  let position = start;
  return new ReadableStream<Uint8Array>({
    async pull(controller): Promise<void> {
      try {
        const length = Math.min(CHUNK_SIZE, end - position);
        if (length > 0) {
          controller.enqueue(await source.read(position, length));
          position += length;
        }
        if (position < end) return;
        await close();
        controller.close();
      } catch (error) {
        await close();
        throw error;
      }
    },
    cancel: close,
  }, { highWaterMark: 0 });
}
