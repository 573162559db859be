import { PspfError } from "../../errors.ts";
import { BlobSource } from "../../io/blob_source.ts";
import type {
  RandomAccessSource,
  ReadOptions,
} from "../../io/random_access_source.ts";
import { streamFrom } from "../../io/stream_from.ts";

/** Holds trailer, metadata and slot table of nearly every package. */
const TAIL_SIZE = 64 * 1024;

/**
 * Opens a file on a web server by its end, with one request. A server that
 * knows no ranges sends all of it instead.
 */
export async function openUrl(
  url: string,
  name: string,
): Promise<RandomAccessSource> {
  const response = await request(url, name, { range: `bytes=-${TAIL_SIZE}` });
  if (response.status !== 206) {
    return new BlobSource(await response.blob(), name);
  }
  const size = Number(
    /^bytes [0-9]+-[0-9]+\/([0-9]+)$/.exec(
      response.headers.get("content-range") ?? "",
    )?.[1],
  );
  if (!Number.isSafeInteger(size)) {
    throw unreadable(name, "the server does not say how long it is");
  }
  const tail = new Uint8Array(await response.arrayBuffer());
  return new RangeSource(url, name, size, tail, response.headers.get("etag"));
}

class RangeSource implements RandomAccessSource {
  readonly name: string;
  readonly size: number;
  readonly #url: string;
  readonly #tail: Uint8Array;
  readonly #etag: string | null;

  constructor(
    url: string,
    name: string,
    size: number,
    tail: Uint8Array,
    etag: string | null,
  ) {
    this.#url = url;
    this.name = name;
    this.size = size;
    this.#tail = tail;
    this.#etag = etag;
  }

  async read(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): Promise<Uint8Array> {
    const start = this.size - this.#tail.length;
    if (offset >= start) {
      return this.#tail.slice(offset - start, offset - start + length);
    }
    if (length === 0) return new Uint8Array();
    const response = await this.#fetch(offset, length, options);
    return new Uint8Array(await response.arrayBuffer());
  }

  stream(
    offset: number,
    length: number,
    options: ReadOptions = {},
  ): ReadableStream<Uint8Array> {
    return streamFrom(this.#chunks(offset, length, options));
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve();
  }

  async *#chunks(
    offset: number,
    length: number,
    options: ReadOptions,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    if (offset >= this.size - this.#tail.length) {
      yield await this.read(offset, length, options);
      return;
    }
    if (length === 0) return;
    const { body } = await this.#fetch(offset, length, options);
    const reader = body?.getReader();
    try {
      for (;;) {
        const { value, done } = await reader?.read() ?? { done: true };
        if (done || value === undefined) return;
        yield value;
      }
    } finally {
      await reader?.cancel();
    }
  }

  async #fetch(
    offset: number,
    length: number,
    { signal }: ReadOptions,
  ): Promise<Response> {
    const range = `bytes=${offset}-${offset + length - 1}`;
    // Parts of two files would look like one that was changed.
    const ifMatch = this.#etag?.startsWith('"')
      ? { "if-match": this.#etag }
      : undefined;
    const response = await request(
      this.#url,
      this.name,
      { range, ...ifMatch },
      signal,
    );
    if (response.status === 206) return response;
    throw unreadable(this.name, "the server sent all of it instead of a part");
  }
}

async function request(
  url: string,
  name: string,
  headers: Record<string, string>,
  signal?: AbortSignal,
): Promise<Response> {
  let response: Response;
  try {
    response = await fetch(url, {
      headers,
      signal: signal ?? null,
      cache: "no-store",
    });
  } catch (cause) {
    signal?.throwIfAborted();
    throw unreadable(name, "the server does not answer", cause);
  }
  if (response.ok) return response;
  if (response.status === 404) {
    throw new PspfError("io/not-found", `There is no package "${name}"`);
  }
  throw unreadable(
    name,
    response.status === 412
      ? "it was replaced by another one at this moment"
      : `the server answers ${response.status}`,
  );
}

function unreadable(name: string, problem: string, cause?: unknown): PspfError {
  return new PspfError("io/failed", `Cannot read "${name}": ${problem}`, {
    hint: "Load the page again",
    cause,
  });
}
