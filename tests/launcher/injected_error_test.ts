import { assert, assertEquals } from "@std/assert";
import { assertOwnError } from "./support/assert_refusal.ts";
import { cacheTree } from "./support/cache_tree.ts";
import { forEachAtOnce } from "./support/for_each_at_once.ts";
import {
  assertStarts,
  assertWholeWhereMarked,
  filledTree,
} from "./support/assert_cache.ts";
import { choosePoints } from "./support/kill_harness.ts";
import { BASE_ENV } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { removeTree, Scratch } from "./support/scratch.ts";
import {
  type CallPoint,
  listCallPoints,
  runInjected,
} from "./support/strace.ts";

/** What can fail for lack of space or because of a broken disk. */
const WRITING =
  /^(openat|mkdir|write|pwrite64|rename|symlink|link|fchmod|ftruncate|fallocate|fsync|syncfs)/;

/** What a signal can interrupt on a local file system. */
const INTERRUPTIBLE = /^(write|pwrite64|fsync|ftruncate)$/;

interface Case {
  readonly errno: string;
  readonly calls: RegExp;
  /** Points to try where there are more. */
  readonly budget: number;
}

const CASES: readonly Case[] = [
  { errno: "ENOSPC", calls: WRITING, budget: 50 },
  { errno: "EDQUOT", calls: /^(write|pwrite64|mkdir|openat)/, budget: 25 },
  { errno: "EIO", calls: WRITING, budget: 50 },
  { errno: "EROFS", calls: /^(mkdir|openat|rename)/, budget: 20 },
];

for (const { errno, calls, budget } of CASES) {
  Deno.test(`${errno} anywhere in a first run gives an error or a whole workenv, and the next start works`, async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    writeSamplePackage(pack);
    const whole = await filledTree(pack, scratch.join("whole"));
    let refused = 0;

    await forEachAtOnce(
      await points(scratch, pack, calls, budget),
      2,
      async (point) => {
        const cache = scratch.join(`${point.call}-${point.nth}`);
        const where = `${errno} at ${point.call} number ${point.nth}`;
        const run = await runInjected([pack, "argument"], {
          ...point,
          effect: `error=${errno}`,
        }, {
          env: { ...BASE_ENV, FLAVOR_CACHE: cache },
        });
        const marked = assertWholeWhereMarked(cache, [whole], where);
        // Once the workenv is marked, what fails is the program.
        if (!marked && run.code !== 0) {
          // strace counts per thread, so that the message can be a write that fails, too.
          const isMute = point.call === "write" && run.stderr === "";
          if (!isMute) assertOwnError(run, where);
          refused++;
        }
        if (run.code === 0 && run.stderr === "") {
          assertEquals(run.stdout, sampleOutput("argument"), where);
        }
        await assertStarts(pack, cache, where);
        assertEquals(cacheTree(cache), whole, where);
        removeTree(cache);
      },
    );

    assert(refused >= budget / 4, `only ${refused} starts met the error`);
  });
}

Deno.test("EINTR anywhere in a first run changes nothing", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  // Without setup commands: how other programs take an interruption is their own affair.
  writeSamplePackage(pack, { setup: [], command: "true" });
  const whole = await filledCache(scratch, pack);

  await forEachAtOnce(
    await points(scratch, pack, INTERRUPTIBLE, 60),
    2,
    async (point) => {
      const cache = scratch.join(`${point.call}-${point.nth}`);
      const where = `EINTR at ${point.call} number ${point.nth}`;
      const run = await runInjected(
        [pack],
        { ...point, effect: "error=EINTR" },
        {
          env: { ...BASE_ENV, FLAVOR_CACHE: cache },
        },
      );
      const marked = assertWholeWhereMarked(cache, [whole], where);
      assert(marked, `${where}: ${run.stderr}`);
      removeTree(cache);
    },
  );
});

async function points(
  scratch: Scratch,
  pack: string,
  calls: RegExp,
  budget: number,
): Promise<readonly CallPoint[]> {
  const env = { ...BASE_ENV, FLAVOR_CACHE: scratch.join("traced") };
  const all = await listCallPoints(
    [pack, "argument"],
    scratch.join("strace.log"),
    { env },
  );
  return choosePoints(all.filter(({ call }) => calls.test(call)), budget);
}

async function filledCache(
  scratch: Scratch,
  pack: string,
): Promise<readonly string[]> {
  const cache = scratch.join("whole");
  await listCallPoints([pack], scratch.join("strace.log"), {
    env: { ...BASE_ENV, FLAVOR_CACHE: cache },
  });
  return cacheTree(cache);
}
