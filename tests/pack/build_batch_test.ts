import { buildBatch } from "@flavor/pspf";
import { assert, assertEquals, assertRejects } from "@std/assert";

/** Lets everything that can go on go on. */
function turn(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve));
}

Deno.test("buildBatch() keeps to the number of jobs", async () => {
  let running = 0;
  let most = 0;
  const tasks = Array.from({ length: 9 }, (_, index) => ({
    name: `${index}`,
    build: async (): Promise<number> => {
      most = Math.max(most, ++running);
      await turn();
      running--;
      return index;
    },
  }));
  const outcomes = await buildBatch(tasks, { jobs: 3 });
  assertEquals(most, 3);
  assertEquals(
    outcomes,
    tasks.map(({ name }, result) => ({ name, status: "built", result })),
  );
});

Deno.test("buildBatch() goes on after a failure, also one that is thrown at once", async () => {
  const reason = new Error("bad");
  const seen: string[] = [];
  const outcomes = await buildBatch([
    {
      name: "throws",
      build(): Promise<string> {
        throw reason;
      },
    },
    { name: "rejects", build: () => Promise.reject(reason) },
    { name: "builds", build: () => Promise.resolve("done") },
  ], { jobs: 1, onOutcome: ({ name }) => seen.push(name) });
  assertEquals(outcomes, [
    { name: "throws", status: "failed", error: reason },
    { name: "rejects", status: "failed", error: reason },
    { name: "builds", status: "built", result: "done" },
  ]);
  assertEquals(seen, ["throws", "rejects", "builds"]);
});

Deno.test("buildBatch() begins nothing after its signal is aborted", async () => {
  const stop = new AbortController();
  const reason = new Error("enough");
  let begun = 0;
  const outcomes = await buildBatch(
    Array.from({ length: 4 }, (_, index) => ({
      name: `${index}`,
      build: (signal: AbortSignal): Promise<void> => {
        begun++;
        stop.abort(reason);
        return Promise.reject(signal.reason);
      },
    })),
    { jobs: 1, signal: stop.signal },
  );
  assertEquals(begun, 1);
  assert(
    outcomes.every((one) => one.status === "failed" && one.error === reason),
  );
});

Deno.test("buildBatch() refuses a number of jobs that is none", async () => {
  for (const jobs of [0, -1, 1.5, NaN]) {
    await assertRejects(() => buildBatch([], { jobs }), RangeError);
  }
});
