/** One package of a batch. */
export interface BatchTask<T> {
  /** What to call it in the outcome. */
  readonly name: string;
  /**
   * Builds it.
   *
   * @param signal Aborted together with the batch.
   * @returns Whatever the outcome should hold.
   */
  build(signal: AbortSignal): Promise<T>;
}

/** What became of one package of a batch. */
export type BatchOutcome<T> =
  | {
    /** Name of the task. */
    readonly name: string;
    /** It was built. */
    readonly status: "built";
    /** What the task returned. */
    readonly result: T;
  }
  | {
    /** Name of the task. */
    readonly name: string;
    /** It was not built. */
    readonly status: "failed";
    /** Why. */
    readonly error: unknown;
  };

/** Options of {@linkcode buildBatch}. */
export interface BatchOptions<T> {
  /**
   * How many packages are built in parallel. Each of them may compress on several
   * processors; give them fewer `jobs` when there are many.
   *
   * @default {2}
   */
  readonly jobs?: number;
  /** Called whenever one is done. */
  readonly onOutcome?: (outcome: BatchOutcome<T>) => void;
  /** Stops the batch: what is being built fails, the rest is not begun. */
  readonly signal?: AbortSignal;
}

/**
 * Builds many packages, a few at a time. A failure is an outcome like any
 * other and does not stop the rest.
 *
 * @param tasks What to build.
 * @param options How many in parallel.
 * @returns One outcome per task, in their order.
 * @throws {RangeError} when `jobs` is no positive integer
 *
 * @example One failure among three
 * ```ts
 * import { buildBatch } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * const outcomes = await buildBatch(
 *   ["a", "b", "c"].map((name) => ({
 *     name,
 *     build: () =>
 *       name === "b"
 *         ? Promise.reject(new Error("no such source"))
 *         : Promise.resolve(`${name}.psp`),
 *   })),
 *   { jobs: 2 },
 * );
 * assertEquals(outcomes.map(({ status }) => status), ["built", "failed", "built"]);
 * ```
 */
export async function buildBatch<T>(
  tasks: Iterable<BatchTask<T>>,
  options: BatchOptions<T> = {},
): Promise<readonly BatchOutcome<T>[]> {
  const { jobs = 2, onOutcome } = options;
  if (!Number.isSafeInteger(jobs) || jobs < 1) {
    throw new RangeError(`jobs must be a positive integer: it is ${jobs}`);
  }
  const signal = options.signal ?? new AbortController().signal;
  const queue = [...tasks].entries();
  const outcomes: BatchOutcome<T>[] = [];
  async function work(): Promise<void> {
    // The workers share one iterator: each takes what is next.
    for (const [index, task] of queue) {
      const outcome = await run(task, signal);
      outcomes[index] = outcome;
      onOutcome?.(outcome);
    }
  }
  await Promise.all(Array.from({ length: jobs }, work));
  return outcomes;
}

async function run<T>(
  task: BatchTask<T>,
  signal: AbortSignal,
): Promise<BatchOutcome<T>> {
  const { name } = task;
  try {
    signal.throwIfAborted();
    return { name, status: "built", result: await task.build(signal) };
  } catch (error) {
    return { name, status: "failed", error };
  }
}
