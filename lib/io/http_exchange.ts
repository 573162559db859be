import { concat } from "@std/bytes/concat";
import { PspfError, type PspfErrorOptions } from "../errors.ts";
import { shownUrl } from "./open_source.ts";

/** Sends a request; `fetch` itself, or something that adds what a server wants. */
export type Fetch = (url: string, init: RequestInit) => Promise<Response>;

/** How to talk to a server. */
export interface HttpOptions {
  /**
   * What sends requests.
   *
   * @default {fetch}
   */
  readonly fetch?: Fetch | undefined;
  /** Stops everything; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /**
   * Milliseconds before the first of four more tries; each waits twice as long.
   *
   * @default {250}
   */
  readonly retryDelayMs?: number | undefined;
  /**
   * Milliseconds without a byte after which a connection counts as cut.
   *
   * @default {30000}
   */
  readonly stallMs?: number | undefined;
}

/** So many failures in a row, each after the other, end the work. */
const MAX_FAILURES = 4;
/** What a server may ask us to wait; longer is not our business. */
const MAX_WAIT_MS = 60_000;
const STALL_MS = 30_000;
const RETRY_DELAY_MS = 250;
/** One call into the runtime for so many bytes: smaller ones cost more time than hashing. */
const CHUNK_SIZE = 256 * 1024;
/** What a server says about a failure, as far as it is read. */
const MAX_EXPLANATION = 4096;

/** A failure that another try may mend: a cut connection, a busy server. */
export class PassingError extends PspfError {
  /** When the server wants to be asked again. */
  readonly retryAfterMs: number | undefined;

  constructor(
    message: string,
    options: PspfErrorOptions & { readonly retryAfterMs?: number | undefined },
  ) {
    super("io/failed", message, options);
    this.retryAfterMs = options.retryAfterMs;
  }
}

/** Waits after failures, longer each time, until there were too many. */
export class Patience {
  readonly #delayMs: number;
  #failures = 0;
  #furthest = 0;

  constructor({ retryDelayMs = RETRY_DELAY_MS }: HttpOptions) {
    this.#delayMs = retryDelayMs;
  }

  /** Failures count anew where the work has got further than ever before. */
  reach(position: number): void {
    if (position > this.#furthest) this.#failures = 0;
    this.#furthest = Math.max(this.#furthest, position);
  }

  /** Waits before another try, or throws what no further try will mend. */
  async spend(error: unknown, signal: AbortSignal | undefined): Promise<void> {
    if (!(error instanceof PassingError)) throw error;
    const own = this.#delayMs * 2 ** this.#failures;
    const wait = Math.max(own, error.retryAfterMs ?? 0);
    if (++this.#failures > MAX_FAILURES || wait > MAX_WAIT_MS) throw error;
    await pause(wait, signal);
  }
}

function pause(ms: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resolve, reject) => {
    const stop = (): void => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, ms);
    signal?.addEventListener("abort", stop, { once: true });
    if (signal?.aborted) stop();
  });
}

/** Does something again for as long as only passing failures end it. */
export async function withPatience<T>(
  options: HttpOptions,
  work: () => Promise<T>,
): Promise<T> {
  const patience = new Patience(options);
  for (;;) {
    try {
      return await work();
    } catch (error) {
      await patience.spend(error, options.signal);
    }
  }
}

/** A request and its answer. Dispose it: an answer that nobody reads keeps its connection. */
export class HttpExchange implements AsyncDisposable {
  /** The answer; its body is read here alone. */
  readonly response: Response;
  readonly #name: string;
  readonly #stop: StallStop;

  private constructor(name: string, response: Response, stop: StallStop) {
    this.#name = name;
    this.response = response;
    this.#stop = stop;
  }

  /**
   * Sends one request. An answer of 408, 429 or 5xx is a {@linkcode PassingError},
   * as is none at all.
   */
  static async start(
    url: string,
    init: RequestInit,
    options: HttpOptions,
  ): Promise<HttpExchange> {
    const { fetch = globalThis.fetch, signal, stallMs = STALL_MS } = options;
    signal?.throwIfAborted();
    const name = shownUrl(url);
    const stop = new StallStop(name, stallMs, signal);
    try {
      const response = await stop.watch(
        fetch(url, { ...init, signal: stop.signal }),
      );
      const exchange = new HttpExchange(name, response, stop);
      const { status } = response;
      if (status !== 408 && status !== 429 && status < 500) return exchange;
      throw await exchange.passing();
    } catch (error) {
      stop.end();
      throw stop.reason ?? networkError(name, error);
    }
  }

  /**
   * The body, which has to be of this length: what is missing is a
   * {@linkcode PassingError}, and more than that is refused.
   */
  async *chunks(
    length: number,
  ): AsyncGenerator<Uint8Array, void, undefined> {
    let left = length;
    for await (const chunk of this.#body()) {
      left -= chunk.length;
      if (left < 0) {
        throw serverError(
          this.#name,
          `the server sends more than the ${length} bytes it said`,
        );
      }
      yield chunk;
    }
    if (left > 0) throw cutError(this.#name);
  }

  /** A small body; `undefined` when it is longer than the limit. */
  async small(limit: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const parts: Uint8Array[] = [];
    let size = 0;
    for await (const chunk of this.#body()) {
      size += chunk.length;
      if (size > limit) return undefined;
      parts.push(chunk);
    }
    return concat(parts);
  }

  /** What the server says about a failure, in one line. */
  async explanation(): Promise<string> {
    const bytes = await this.small(MAX_EXPLANATION).catch(() => undefined);
    const text = new TextDecoder().decode(bytes ?? new Uint8Array());
    return registryMessage(text) ?? "";
  }

  async passing(): Promise<PassingError> {
    const { status, headers } = this.response;
    const says = await this.explanation();
    return new PassingError(
      `Cannot read ${this.#name}: the server answers ${status}${
        says && `, ${says}`
      }`,
      {
        context: { url: this.#name, status },
        hint: "Try again later",
        retryAfterMs: retryAfter(headers),
      },
    );
  }

  async *#body(): AsyncGenerator<Uint8Array, void, undefined> {
    const { body } = this.response;
    if (body === null) return;
    const read = readerOf(body);
    try {
      for (;;) {
        const { done, value } = await this.#stop.watch(read.next());
        if (value !== undefined && value.length > 0) yield value;
        if (done) return;
      }
    } catch (error) {
      throw this.#stop.reason ?? networkError(this.#name, error);
    } finally {
      // A connection in the middle of a body is of no use to anybody.
      void read.cancel();
      this.#stop.end();
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#stop.end();
    const { body } = this.response;
    if (body !== null && !body.locked) await body.cancel().catch(() => {});
  }
}

/** Ends an exchange that does not move, or that nobody wants any more. */
class StallStop {
  readonly #controller = new AbortController();
  readonly #name: string;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #outer: AbortSignal | undefined;
  readonly #onAbort = (): void => this.#fail(this.#outer?.reason);
  /** Whether somebody waits, and whether they did at the last look. */
  #waiting = 0;
  #seen = 0;
  reason: unknown;

  constructor(name: string, stallMs: number, outer: AbortSignal | undefined) {
    this.#name = name;
    this.#outer = outer;
    outer?.addEventListener("abort", this.#onAbort, { once: true });
    this.#timer = setInterval(() => {
      if (this.#waiting !== 0 && this.#waiting === this.#seen) {
        this.#fail(cutError(this.#name));
      }
      this.#seen = this.#waiting;
    }, stallMs);
  }

  get signal(): AbortSignal {
    return this.#controller.signal;
  }

  async watch<T>(step: Promise<T>): Promise<T> {
    this.#count++;
    this.#waiting = this.#count;
    try {
      return await step;
    } finally {
      this.#waiting = 0;
    }
  }
  #count = 0;

  #fail(reason: unknown): void {
    this.reason ??= reason;
    this.end();
    this.#controller.abort(reason);
  }

  end(): void {
    clearInterval(this.#timer);
    this.#outer?.removeEventListener("abort", this.#onAbort);
  }
}

interface ChunkReader {
  next(): Promise<
    { readonly done: boolean; readonly value?: Uint8Array | undefined }
  >;
  cancel(): Promise<void>;
}

/** Reads in large pieces where the stream can. */
function readerOf(body: ReadableStream<Uint8Array>): ChunkReader {
  try {
    const reader = body.getReader({ mode: "byob" });
    return {
      next: () => reader.read(new Uint8Array(CHUNK_SIZE)),
      cancel: () => reader.cancel().catch(() => {}),
    };
  } catch {
    const reader = body.getReader();
    return {
      next: () => reader.read(),
      cancel: () => reader.cancel().catch(() => {}),
    };
  }
}

/** An error that another try would not mend. */
export function serverError(
  name: string,
  problem: string,
  options: PspfErrorOptions = {},
): PspfError {
  return new PspfError("io/failed", `Cannot read ${name}: ${problem}`, {
    ...options,
    context: { url: name, ...options.context },
  });
}

/** Seconds, or a date, which is one by the server's own clock. */
function retryAfter(headers: Headers): number | undefined {
  const text = headers.get("retry-after") ?? "";
  const ms = /^\d{1,9}$/.test(text)
    ? Number(text) * 1000
    : Date.parse(text) - Date.parse(headers.get("date") ?? "");
  return ms >= 0 ? ms : undefined;
}

/** A connection that ended, or fell silent, before all was said. */
export function cutError(name: string): PassingError {
  return new PassingError(`Cannot read ${name}: the connection was cut`, {
    context: { url: name },
  });
}

function networkError(name: string, error: unknown): unknown {
  if (!(error instanceof Error) || error instanceof PspfError) return error;
  if (error.name === "NotCapable") {
    return new PspfError(
      "io/denied",
      `Cannot read ${name}: this program may not use the network`,
      {
        context: { url: name },
        hint: `Allow it with --allow-net=${new URL(name).host}`,
        cause: error,
      },
    );
  }
  const { cause } = error;
  const why = cause instanceof Error ? cause.message : error.message;
  // The runtime repeats addresses, and what may be secret in them.
  const reason = why.replace(/^error sending request .*?\): /, "")
    .replace(/^client error \(.*?\): /, "")
    .replaceAll(
      /(\/\/)[^\s/@]*@|\?[^\s'")]+/g,
      (part, slashes) => slashes ?? (part && "?…"),
    );
  const isFinal =
    /redirect|Requests to port|InvalidContentType|Invalid URL|certificate/
      .test(reason);
  const message = `Cannot read ${name}: ${reason}`;
  return isFinal
    ? new PspfError("io/failed", message, { context: { url: name } })
    : new PassingError(message, {
      context: { url: name },
      hint: "Check the address and the connection, then try again",
      cause: error,
    });
}

/** Registries and others explain failures as `{"errors":[{"message"}]}`. */
function registryMessage(text: string): string | undefined {
  try {
    const { errors: [{ code, message }] } = JSON.parse(text);
    const says = [code, message].filter((one) => typeof one === "string");
    return says.join(": ").replaceAll(/\s+/g, " ").slice(0, 200);
  } catch {
    return undefined;
  }
}
