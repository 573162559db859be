import { PspfError } from "../errors.ts";
import { type BlockJob, compressBlock } from "./compress_block.ts";
import type { BlockReply } from "./block_worker.ts";

/** A compressed block, with the input buffer handed back for reuse. */
export interface CompressedBlock {
  /** The compressed bytes. */
  readonly output: Uint8Array<ArrayBuffer>;
  /** The buffer of the job, free again. */
  readonly input: Uint8Array<ArrayBuffer>;
}

/** Options of {@linkcode BlockCompressor}. */
export interface BlockCompressorOptions {
  /**
   * How many blocks are compressed at once; 1 stays on the calling thread.
   *
   * @default {1}
   */
  readonly jobs?: number;
}

/** More workers than this cost more memory than they save time. */
const MAX_JOBS = 16;

/**
 * Compresses blocks, in parallel through Web Workers where more than one job
 * is allowed. Which thread compresses a block never changes its bytes.
 *
 * Where workers cannot be started (a bundle without the worker module, a
 * runtime that forbids them) everything happens on the calling thread.
 *
 * @example Share one pool between streams
 * ```ts
 * import { BlockCompressor, getCodec } from "@flavor/pspf/compress";
 * import { Operation } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * const zstd = getCodec(Operation.ZSTD);
 * using compressor = new BlockCompressor({ jobs: 2 });
 * const stored = new Blob(["hello hello hello"]).stream()
 *   .pipeThrough(zstd.encode({ compressor }));
 * const plain = stored.pipeThrough(zstd.decode());
 * assertEquals(await new Response(plain).text(), "hello hello hello");
 * ```
 */
export class BlockCompressor implements Disposable {
  /** How many blocks may be compressed at once. */
  readonly jobs: number;
  readonly #started: Worker[] = [];
  readonly #idle: Worker[] = [];
  readonly #waiting: ((worker: Worker) => void)[] = [];
  #ready: Promise<number> | undefined;
  #disposed = false;

  /**
   * Starts nothing yet: workers come with the first blocks, or when asked for.
   *
   * @param options How many jobs run at once.
   */
  constructor(options: BlockCompressorOptions = {}) {
    const { jobs = 1 } = options;
    if (!Number.isSafeInteger(jobs) || jobs < 1) {
      throw new RangeError(`jobs must be a positive integer: it is ${jobs}`);
    }
    this.jobs = Math.min(jobs, MAX_JOBS);
  }

  /** Starts the workers now, so that they are ready when there are blocks. */
  prepare(): void {
    if (this.jobs > 1 && !this.#disposed) this.#ready ??= this.#start();
  }

  /**
   * Compresses one block.
   *
   * @param job The block; its input buffer is moved and comes back.
   * @returns The compressed bytes and the input buffer.
   * @throws {PspfError} `compress/unsupported`, `build/failed`
   */
  async compress(job: BlockJob): Promise<CompressedBlock> {
    const worker = await this.#takeWorker();
    if (worker === undefined) {
      return { output: compressBlock(job), input: job.input };
    }
    try {
      return await runInWorker(worker, job);
    } finally {
      const next = this.#waiting.shift();
      if (next === undefined) this.#idle.push(worker);
      else next(worker);
    }
  }

  /** Ends every worker. Blocks in flight never settle. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const worker of this.#started) worker.terminate();
  }

  async #takeWorker(): Promise<Worker | undefined> {
    if (this.jobs === 1 || this.#disposed) return undefined;
    if (await (this.#ready ??= this.#start()) === 0) return undefined;
    return this.#idle.pop() ??
      await new Promise<Worker>((resolve) => this.#waiting.push(resolve));
  }

  async #start(): Promise<number> {
    const starting = Array.from({ length: this.jobs }, startWorker);
    for (const worker of await Promise.all(starting)) {
      if (worker === undefined) continue;
      this.#started.push(worker);
      this.#idle.push(worker);
    }
    // Disposed while starting: nobody else would end them.
    if (this.#disposed) this[Symbol.dispose]();
    return this.#started.length;
  }
}

/** Resolves to `undefined` where the runtime cannot load the worker module. */
function startWorker(): Promise<Worker | undefined> {
  return new Promise((resolve) => {
    if (typeof Worker === "undefined") return resolve(undefined);
    try {
      const url = new URL("./block_worker.ts", import.meta.url);
      const worker = new Worker(url, { type: "module" });
      worker.onmessage = () => resolve(worker);
      worker.onerror = (event) => {
        event.preventDefault();
        worker.terminate();
        resolve(undefined);
      };
    } catch {
      resolve(undefined);
    }
  });
}

function runInWorker(worker: Worker, job: BlockJob): Promise<CompressedBlock> {
  return new Promise((resolve, reject) => {
    const fail = (message: string): void =>
      reject(
        new PspfError("build/failed", `Cannot compress a block: ${message}`),
      );
    worker.onmessage = ({ data }: MessageEvent<BlockReply>): void => {
      if (data.kind === "done") {
        resolve({ output: data.output, input: data.input });
      } else if (data.kind === "failed") fail(data.message);
    };
    worker.onerror = (event): void => {
      event.preventDefault();
      fail(event.message);
    };
    worker.postMessage(job, [job.input.buffer]);
  });
}
