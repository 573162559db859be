import { PspfError } from "../errors.ts";
import {
  cutError,
  HttpExchange,
  type HttpOptions,
  Patience,
  serverError,
  withPatience,
} from "./http_exchange.ts";
import { shownUrl } from "./open_source.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "./random_access_source.ts";
import { checkPart, fillBytes } from "./stream_from.ts";

/** Options of {@linkcode HttpSource.open}. */
export interface HttpSourceOptions extends HttpOptions {
  /** What to call it in messages; the URL without what may be secret in it. */
  readonly name?: string | undefined;
}

/** A package is read from its end, and this much of it holds all but the content. */
const TAIL_SIZE = 64 * 1024;

/** After so many bytes a connection was worth its while, and failures count anew. */
const WORTHWHILE = 256 * 1024;

/** What tells one version of a file from another. */
interface Version {
  readonly size: number;
  readonly etag: string | null;
  readonly modified: string | null;
}

/** A piece of a file as a server has sent it. */
interface Part {
  readonly start: number;
  readonly end: number;
  readonly version: Version;
}

/**
 * A file on a web server, read by range: opening it takes one request, which
 * brings the last 64 KiB along. Busy servers are asked again, cut connections
 * are resumed where they ended, and a file that changes meanwhile is an error.
 *
 * @example Who signed a package that is far away?
 * ```ts ignore
 * import { HttpSource } from "@flavor/pspf/io";
 * import { inspectPackage } from "@flavor/pspf/read";
 *
 * await using source = await HttpSource.open("https://example.com/app.psp");
 * const { fingerprint } = await inspectPackage(source);
 * ```
 */
export class HttpSource implements RandomAccessSource {
  /** What to call it in messages. */
  readonly name: string;
  readonly #file: RemoteFile;
  readonly #version: Version;
  readonly #tail: Uint8Array;
  readonly #closing = new AbortController();

  private constructor(
    name: string,
    file: RemoteFile,
    version: Version,
    tail: Uint8Array,
  ) {
    this.name = name;
    this.#file = file;
    this.#version = version;
    this.#tail = tail;
  }

  /**
   * Asks a server for the end of a file, and so for its length.
   *
   * @param url `http:` or `https:`; user and password in it are sent as they are.
   * @param options How to talk to the server.
   * @returns The open file.
   * @throws {PspfError} `io/not-found`, `io/denied`; `io/failed` when the server
   * cannot be reached, or cannot send parts of files
   */
  static async open(
    url: string | URL,
    options: HttpSourceOptions = {},
  ): Promise<HttpSource> {
    const file = new RemoteFile(url, options);
    const { version, tail } = await withPatience(
      options,
      () => file.readEnd(),
    );
    return new HttpSource(options.name ?? file.name, file, version, tail);
  }

  /**
   * A file of which the length is known already, and what it has to be is
   * known to whoever reads it: nothing is asked before something is read.
   */
  static known(
    url: string | URL,
    size: number,
    options: HttpSourceOptions = {},
  ): HttpSource {
    const file = new RemoteFile(url, options);
    const version = { size, etag: null, modified: null };
    return new HttpSource(file.name, file, version, NOTHING);
  }

  /** Length in bytes. */
  get size(): number {
    return this.#version.size;
  }

  /** How many bytes at its end are at hand already. */
  get endSize(): number {
    return this.#tail.length;
  }

  /**
   * Reads exactly `length` bytes.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes.
   * @param options Abort signal.
   * @returns The bytes.
   * @throws {PspfError} `io/failed` when they cannot be had
   */
  async read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    checkPart(this, offset, length);
    return await fillBytes(
      length,
      this.#chunks(offset, length, options.signal),
    );
  }

  /**
   * Streams exactly `length` bytes: one request, unless a connection is cut.
   *
   * @param offset First byte, from 0.
   * @param length Number of bytes.
   * @param options Abort signal.
   * @returns The bytes.
   */
  stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): ReadableStream<Uint8Array> {
    checkPart(this, offset, length);
    const { signal } = options;
    const stop = new AbortController();
    const both = signal === undefined
      ? stop.signal
      : AbortSignal.any([signal, stop.signal]);
    const chunks = this.#chunks(offset, length, both);
    return new ReadableStream<Uint8Array>({
      async pull(controller): Promise<void> {
        const { done, value } = await chunks.next();
        if (done) controller.close();
        else controller.enqueue(value);
      },
      cancel(reason): void {
        stop.abort(reason ?? new DOMException("cancelled", "AbortError"));
        // Where it rests between two chunks, nobody else would end the request.
        chunks.return().catch(() => {});
      },
      // The next chunk comes while this one is looked at.
    }, { highWaterMark: 1 });
  }

  /** Ends what is still under way. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort(
      new TypeError(`Cannot read ${this.name}: it is closed`),
    );
    return Promise.resolve();
  }

  async *#chunks(
    offset: number,
    length: number,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const { signal: closing } = this.#closing;
    const both = signal === undefined
      ? closing
      : AbortSignal.any([signal, closing]);
    const end = offset + length;
    const tailStart = this.size - this.#tail.length;
    const last = Math.min(end, tailStart);
    if (offset < last) {
      yield* this.#file.readPart(offset, last, this.#version, both);
    }
    both.throwIfAborted();
    const from = Math.max(offset, tailStart);
    if (from < end) {
      yield this.#tail.subarray(from - tailStart, end - tailStart);
    }
  }
}

/**
 * Fetches a file whole, from a server that cannot send parts of files. Its
 * length is known before the first byte; a connection that is cut is made again.
 */
export async function downloadHttp(
  url: string | URL,
  options: HttpSourceOptions = {},
): Promise<
  { readonly size: number; readonly content: AsyncIterable<Uint8Array> }
> {
  const file = new RemoteFile(url, options);
  const first = await withPatience(options, () => file.startWhole());
  const { version } = first;
  return { size: version.size, content: file.readWhole(first, options.signal) };
}

/** The start of a whole file. */
interface WholeStart {
  readonly exchange: HttpExchange;
  readonly version: Version;
}

/** Requests for one URL, and what the answers have to be. */
class RemoteFile {
  readonly name: string;
  readonly #given: string;
  readonly #authorization: string | undefined;
  readonly #options: HttpSourceOptions;
  /** Where redirects led to. */
  #url: string;

  constructor(url: string | URL, options: HttpSourceOptions) {
    const parsed = new URL(url);
    const { protocol, username, password } = parsed;
    if (!/^https?:$/.test(protocol)) {
      throw new PspfError(
        "usage/bad-argument",
        `Cannot open ${
          shownUrl(parsed.href)
        }: it is not an http: or https: URL`,
        { context: { url: shownUrl(parsed.href) } },
      );
    }
    if (username !== "") {
      const pair = [username, password].map(decodeURIComponent).join(":");
      const bytes = new TextEncoder().encode(pair);
      this.#authorization = `Basic ${btoa(String.fromCharCode(...bytes))}`;
    }
    parsed.username = parsed.password = parsed.hash = "";
    this.#given = this.#url = parsed.href;
    this.#options = options;
    this.name = options.name ?? shownUrl(parsed.href);
  }

  /** The last 64 KiB, and what the file is. */
  async readEnd(): Promise<{ version: Version; tail: Uint8Array }> {
    await using first = await this.#get(`bytes=-${TAIL_SIZE}`);
    const { status, headers } = first.response;
    if (status === 206) return await this.#takeEnd(first);
    if (status === 416) {
      // The file is empty, or shorter than what was asked for.
      const size = Number(
        /^bytes \*\/(\d+)$/.exec(headers.get("content-range") ?? "")?.[1],
      );
      if (size === 0) return { version: versionOf(headers, 0), tail: NOTHING };
      if (size <= TAIL_SIZE) return await this.#readEndOf(size);
      throw this.#refuse(
        "it does not understand what part is asked for",
        first,
      );
    }
    // The whole file, which is as good where it is a small one.
    const size = lengthOf(headers);
    if (size === undefined || size <= TAIL_SIZE) {
      const tail = await first.small(TAIL_SIZE);
      if (tail === undefined) throw this.#withoutRanges();
      if (size !== undefined && tail.length !== size) throw cutError(this.name);
      return { version: versionOf(headers, tail.length), tail };
    }
    // Some know ranges, but not those that count from the end.
    await first[Symbol.asyncDispose]();
    return await this.#readEndOf(size);
  }

  async #readEndOf(
    size: number,
  ): Promise<{ version: Version; tail: Uint8Array }> {
    const start = Math.max(0, size - TAIL_SIZE);
    await using exchange = await this.#get(`bytes=${start}-${size - 1}`);
    if (exchange.response.status !== 206) throw this.#withoutRanges();
    return await this.#takeEnd(exchange);
  }

  async #takeEnd(
    exchange: HttpExchange,
  ): Promise<{ version: Version; tail: Uint8Array }> {
    const { start, end, version } = this.#partOf(exchange);
    const { size } = version;
    if (end !== size || start !== Math.max(0, size - TAIL_SIZE)) {
      throw this.#otherPart(start, end, Math.max(0, size - TAIL_SIZE), size);
    }
    const length = end - start;
    return { version, tail: await fillBytes(length, exchange.chunks(length)) };
  }

  /** Streams a part; a connection that is cut is resumed. */
  async *readPart(
    offset: number,
    end: number,
    version: Version,
    signal: AbortSignal,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const patience = new Patience(this.#options);
    let at = offset;
    while (at < end) {
      const begun = at;
      try {
        await using exchange = await this.#get(
          `bytes=${at}-${end - 1}`,
          version,
          signal,
        );
        const isWhole = this.#checkPart(exchange, at, end, version);
        let skipped = isWhole ? at : 0;
        for await (const chunk of exchange.chunks(end - at + skipped)) {
          const part = chunk.subarray(skipped);
          skipped -= chunk.length - part.length;
          at += part.length;
          if (part.length > 0) yield part;
        }
      } catch (error) {
        signal.throwIfAborted();
        if (at - begun >= WORTHWHILE) patience.reach(at);
        await patience.spend(error, signal);
      }
    }
  }

  /** Gives whether the whole file comes instead of the part. */
  #checkPart(
    exchange: HttpExchange,
    at: number,
    end: number,
    version: Version,
  ): boolean {
    const { status, headers } = exchange.response;
    if (status === 200 && version.etag === null && version.modified === null) {
      // Nothing was seen of the file yet; from its start it may come whole.
      if (end !== version.size) throw this.#withoutRanges();
      const size = lengthOf(headers) ?? end;
      if (size !== end) throw this.#otherPart(0, size, at, end);
      return true;
    }
    // Whoever can send parts sends the whole file when it is another one.
    if (status !== 206) throw this.#changed();
    const part = this.#partOf(exchange);
    if (part.start !== at || part.end !== end) {
      throw this.#otherPart(part.start, part.end, at, end);
    }
    if (!isSame(part.version, version)) throw this.#changed();
    return false;
  }

  async startWhole(): Promise<WholeStart> {
    const exchange = await this.#get(undefined);
    const { status, headers } = exchange.response;
    const size = lengthOf(headers);
    if (status === 200 && size !== undefined) {
      return { exchange, version: versionOf(headers, size) };
    }
    await exchange[Symbol.asyncDispose]();
    throw this.#refuse("it does not say how long the file is", exchange);
  }

  async *readWhole(
    first: WholeStart,
    signal: AbortSignal | undefined,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    const patience = new Patience(this.#options);
    const { version } = first;
    let next: WholeStart | undefined = first;
    for (let at = 0;;) {
      try {
        next ??= await this.startWhole();
        await using exchange = next.exchange;
        if (!isSame(next.version, version)) throw this.#changed();
        let skipped = at;
        for await (const chunk of exchange.chunks(version.size)) {
          const part = chunk.subarray(skipped);
          skipped -= chunk.length - part.length;
          at += part.length;
          if (part.length > 0) yield part;
        }
        return;
      } catch (error) {
        await patience.spend(error, signal);
        next = undefined;
      }
    }
  }

  /** Sends a request, and turns every answer that is none into an error. */
  async #get(
    range: string | undefined,
    version?: Version,
    signal: AbortSignal | undefined = this.#options.signal,
  ): Promise<HttpExchange> {
    const headers = new Headers({ "Accept-Encoding": "identity" });
    if (range !== undefined) headers.set("Range", range);
    // Only a strong one may stand here; the others are compared afterwards.
    const etag = version?.etag ?? null;
    if (etag?.startsWith('"')) headers.set("If-Range", etag);
    const isOwn = new URL(this.#url).origin === new URL(this.#given).origin;
    if (this.#authorization !== undefined && isOwn) {
      headers.set("Authorization", this.#authorization);
    }
    const exchange = await HttpExchange.start(this.#url, { headers }, {
      ...this.#options,
      signal,
    });
    try {
      const { status, url, redirected } = exchange.response;
      if (status >= 400 && status !== 416 && this.#url !== this.#given) {
        // What redirects lead to may be for a while only.
        await exchange[Symbol.asyncDispose]();
        this.#url = this.#given;
        return await this.#get(range, version, signal);
      }
      if (redirected && url !== "") this.#url = url;
      this.#checkAnswer(exchange);
      return exchange;
    } catch (error) {
      await exchange[Symbol.asyncDispose]();
      throw error;
    }
  }

  #checkAnswer(exchange: HttpExchange): void {
    const { status, headers } = exchange.response;
    const context = { url: this.name, status };
    if (status === 404 || status === 410) {
      throw new PspfError(
        "io/not-found",
        `Cannot open ${this.name}: the server has no such file (${status})`,
        { context, hint: "Check the address" },
      );
    }
    if (status === 401 || status === 403) {
      throw new PspfError(
        "io/denied",
        `Cannot open ${this.name}: the server does not allow it (${status})`,
        { context },
      );
    }
    if (![200, 206, 416].includes(status)) {
      throw this.#refuse(`it answers ${status}`, exchange);
    }
    const encoding = headers.get("content-encoding") ?? "identity";
    if (encoding !== "identity") {
      throw this.#refuse(
        `it sends the file as "${encoding}", and not as it is`,
        exchange,
      );
    }
  }

  #partOf({ response: { headers } }: HttpExchange): Part {
    const text = headers.get("content-range") ?? "";
    const match = /^bytes (\d{1,16})-(\d{1,16})\/(\d{1,16})$/.exec(text);
    const [start, last, size] = (match ?? []).slice(1).map(Number);
    if (
      start === undefined || last === undefined || size === undefined ||
      start > last || last >= size || !Number.isSafeInteger(size)
    ) {
      throw serverError(
        this.name,
        `the server sends a part of it and calls it "${text.slice(0, 80)}"`,
      );
    }
    return { start, end: last + 1, version: versionOf(headers, size) };
  }

  #otherPart(
    start: number,
    end: number,
    wanted: number,
    wantedEnd: number,
  ): PspfError {
    return serverError(
      this.name,
      `the server sends bytes ${start} to ${end}, expected ${wanted} to ${wantedEnd}`,
    );
  }

  #changed(): PspfError {
    return serverError(this.name, "the file changed while it was read", {
      hint: "Try again",
    });
  }

  #refuse(problem: string, { response }: HttpExchange): PspfError {
    return serverError(this.name, `the server cannot be used: ${problem}`, {
      context: { status: response.status },
    });
  }

  #withoutRanges(): PspfError {
    return serverError(
      this.name,
      "the server sends files only whole, and not by range",
      { hint: "Fetch it whole with --download", context: { ranges: false } },
    );
  }
}

const NOTHING = new Uint8Array();

function lengthOf(headers: Headers): number | undefined {
  const text = headers.get("content-length") ?? "";
  return /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

function versionOf(headers: Headers, size: number): Version {
  return {
    size,
    etag: headers.get("etag"),
    modified: headers.get("last-modified"),
  };
}

/** A server that says less in a later answer has not said that anything changed. */
function isSame(now: Version, before: Version): boolean {
  const agree = (a: string | null, b: string | null): boolean =>
    a === null || b === null || a === b;
  return now.size === before.size && agree(now.etag, before.etag) &&
    (now.etag !== null || agree(now.modified, before.modified));
}
