import { assert, assertEquals, assertThrows } from "@std/assert";
import { BlockCompressor } from "../../lib/compress/block_compressor.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";

function job(): Parameters<BlockCompressor["compress"]>[0] {
  const input = pseudoRandomBytes(100_000, 4);
  return { kind: "zstd", level: 3, input, last: true };
}

Deno.test("BlockCompressor compresses more blocks than it has workers", async () => {
  using compressor = new BlockCompressor({ jobs: 2 });
  const results = await Promise.all(
    Array.from({ length: 9 }, () => compressor.compress(job())),
  );
  const [first] = results;
  for (const { output, input } of results) {
    assertEquals(output, first?.output);
    assertEquals(input, job().input);
  }
});

Deno.test("BlockCompressor brings back results of any size", async () => {
  using compressor = new BlockCompressor({ jobs: 2 });
  for (const length of [0, 1, 100, 10_000, 1_000_000]) {
    const input = new Uint8Array(length);
    for (const kind of ["zstd", "deflate"] as const) {
      const block = { kind, level: 3, input: input.slice(), last: true };
      const { output } = await compressor.compress(block);
      assert(output.length > 0, `${kind} of ${length} bytes`);
    }
  }
});

Deno.test("BlockCompressor reports what a worker cannot do", async () => {
  using compressor = new BlockCompressor({ jobs: 2 });
  // The calling thread takes one, and the worker another.
  const errors = await Promise.all([0, 1, 2].map(() => {
    const bad = { ...job(), kind: "deflate" as const, level: 99 };
    return compressor.compress(bad).catch((error) => error.code);
  }));
  assertEquals(errors, Array(3).fill("build/failed"));
  // The worker goes on with the next block.
  const { output } = await compressor.compress(job());
  assertEquals(output[0], 0x28);
});

Deno.test("BlockCompressor compresses without workers where there are none", async () => {
  const { Worker } = globalThis;
  try {
    Reflect.deleteProperty(globalThis, "Worker");
    using compressor = new BlockCompressor({ jobs: 4 });
    const { output } = await compressor.compress(job());
    assertEquals(output[0], 0x28);
  } finally {
    globalThis.Worker = Worker;
  }
});

Deno.test("BlockCompressor refuses a number of jobs that makes no sense", () => {
  for (const jobs of [0, -1, 1.5, NaN]) {
    assertThrows(() => new BlockCompressor({ jobs }), RangeError);
  }
});

Deno.test("BlockCompressor goes on without a worker that has crashed", async () => {
  const { Worker: RealWorker } = globalThis;
  const workers: Worker[] = [];
  globalThis.Worker = class extends RealWorker {
    constructor(url: string | URL, options?: WorkerOptions) {
      super(url, options);
      workers.push(this);
    }
  };
  try {
    using compressor = new BlockCompressor({ jobs: 2 });
    // At this level no block is left to the calling thread.
    await compressor.compress({ ...job(), level: 19 });
    const [worker] = workers;
    assert(worker !== undefined);
    worker.onerror?.(new ErrorEvent("error", { message: "out of memory" }));
    const blocks = Array.from({ length: 9 }, () => compressor.compress(job()));
    const outcomes = await Promise.allSettled(blocks);
    assertEquals(
      outcomes.map(({ status }) => status),
      Array(9).fill("fulfilled"),
    );
  } finally {
    globalThis.Worker = RealWorker;
  }
});

Deno.test("BlockCompressor reports the blocks that a crashed worker had", async () => {
  const { Worker: RealWorker } = globalThis;
  globalThis.Worker = class extends RealWorker {
    override postMessage(): void {
      queueMicrotask(() =>
        this.onerror?.(new ErrorEvent("error", { message: "out of memory" }))
      );
    }
  };
  try {
    using compressor = new BlockCompressor({ jobs: 2 });
    // At this level no block is left to the calling thread.
    const slow = { ...job(), level: 19 };
    const error = await compressor.compress(slow).catch((error) => error);
    assertEquals(error.code, "build/failed");
    assert(error.message.includes("out of memory"), error.message);
    // Without workers there is still the calling thread.
    const { output } = await compressor.compress({ ...job(), level: 19 });
    assertEquals(output[0], 0x28);
  } finally {
    globalThis.Worker = RealWorker;
  }
});
