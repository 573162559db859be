import { PspfError } from "../errors.ts";
import { takeTurn } from "../io/node_builtin.ts";
import {
  type BlockJob,
  compressBlock,
  type EncodedBlock,
} from "./compress_block.ts";
import type { BlockReply } from "./block_worker.ts";

/** Options of {@linkcode BlockCompressor}. */
export interface BlockCompressorOptions {
  /**
   * How many blocks are encoded at once, the calling thread included.
   *
   * @default {1}
   */
  readonly jobs?: number | undefined;
}

/** More workers than this cost more memory than they save time. */
const MAX_JOBS = 16;

/** One block at work and one that waits, so that a worker never does. */
const QUEUE_LENGTH = 2;

/**
 * Up to this level a block takes milliseconds. Beyond, the calling thread would
 * stand still for too long: it has a progress bar to move.
 */
const MAX_OWN_ZSTD_LEVEL = 9;

/**
 * Encodes blocks in parallel: on the calling thread, and in Web Workers where
 * more than one job is allowed. Which thread encodes a block never changes its
 * bytes.
 *
 * Where workers cannot be started (a runtime that forbids them) everything
 * happens on the calling thread.
 */
export class BlockCompressor implements Disposable {
  /** How many blocks may be encoded at once. */
  readonly jobs: number;
  readonly #threads: Thread[] = [];
  readonly #waiting: (() => void)[] = [];
  #started: Promise<unknown> | undefined;
  #disposed = false;

  /**
   * Starts nothing yet: workers come with the first blocks, or when asked for.
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
    if (this.jobs > 1 && !this.#disposed) this.#started ??= this.#start();
  }

  /** Encodes one block. */
  async compress(job: BlockJob): Promise<EncodedBlock> {
    this.prepare();
    const isSlow = job.kind === "zstd" && job.level > MAX_OWN_ZSTD_LEVEL;
    if (isSlow) await this.#started;
    for (let looks = 0;; looks++) {
      const thread = this.#leastBusy();
      if (thread !== undefined && thread.load < QUEUE_LENGTH) {
        try {
          return await thread.run(job);
        } finally {
          this.#waiting.shift()?.();
        }
      }
      if (thread === undefined || (!isSlow && looks > 0)) {
        return compressHere(job);
      }
      // A worker may have finished while this thread was at work itself.
      await (isSlow
        ? new Promise<void>((resolve) => this.#waiting.push(resolve))
        : takeTurn());
    }
  }

  /** Ends every worker; blocks that are not encoded yet fail. */
  [Symbol.dispose](): void {
    this.#disposed = true;
    for (const thread of this.#threads.splice(0)) thread.end("it was stopped");
    for (const wake of this.#waiting.splice(0)) wake();
  }

  #leastBusy(): Thread | undefined {
    return this.#threads.filter(({ isBroken }) => !isBroken)
      .reduce<Thread | undefined>(
        (best, one) => best === undefined || one.load < best.load ? one : best,
        undefined,
      );
  }

  async #start(): Promise<void> {
    await Promise.all(
      Array.from({ length: this.jobs - 1 }, async () => {
        const thread = await Thread.start();
        if (thread === undefined) return;
        // Disposed while starting: nobody else would end it.
        if (this.#disposed) thread.end("it was stopped");
        else this.#threads.push(thread);
      }),
    );
  }
}

/** A worker and the jobs that it has, the oldest first. */
class Thread {
  readonly #worker: Worker;
  readonly #jobs: {
    resolve(block: EncodedBlock): void;
    reject(error: PspfError): void;
  }[] = [];
  /** Whether it cannot be used any more. */
  isBroken = false;

  constructor(worker: Worker) {
    this.#worker = worker;
    worker.onmessage = ({ data }: MessageEvent<BlockReply>): void => {
      if (data.kind === "done") this.#jobs.shift()?.resolve(data.block);
      else if (data.kind === "failed") {
        this.#jobs.shift()?.reject(failure(data.message));
      }
    };
    worker.onerror = (event): void => {
      event.preventDefault();
      this.end(event.message);
    };
  }

  /** Starts a worker; `undefined` where the runtime cannot load its module. */
  static start(): Promise<Thread | undefined> {
    return new Promise((resolve) => {
      if (typeof Worker === "undefined") return resolve(undefined);
      try {
        const url = new URL("./block_worker.ts", import.meta.url);
        const worker = new Worker(url, { type: "module" });
        worker.onmessage = () => resolve(new Thread(worker));
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

  /** Jobs that it has not finished. */
  get load(): number {
    return this.#jobs.length;
  }

  run(job: BlockJob): Promise<EncodedBlock> {
    return new Promise((resolve, reject) => {
      this.#jobs.push({ resolve, reject });
      this.#worker.postMessage(job, [job.input.buffer]);
    });
  }

  end(reason: string): void {
    this.isBroken = true;
    this.#worker.terminate();
    for (const job of this.#jobs.splice(0)) job.reject(failure(reason));
  }
}

function compressHere(job: BlockJob): EncodedBlock {
  try {
    return compressBlock(job);
  } catch (error) {
    throw failure((error as Error).message);
  }
}

function failure(message: string): PspfError {
  return new PspfError("build/failed", `Cannot compress a block: ${message}`);
}
