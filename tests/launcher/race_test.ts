import { assert, assertEquals, assertMatch } from "@std/assert";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  writeFileSync,
} from "node:fs";
import { cacheTree } from "./support/cache_tree.ts";
import { countLockWaiters } from "./support/count_lock_waiters.ts";
import {
  assertStarts,
  filledTree,
  markedEntries,
} from "./support/assert_cache.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";
import { waitUntil } from "./support/wait_until.ts";

/** Leaves one line per fill in the file that `COUNTER` names. */
const COUNT_FILLS = {
  type: "execute",
  command: `sh -c 'echo filled >>"$COUNTER"'`,
};

/** Holds the first fill up for as long as its process lives; later ones pass. */
const BLOCK_FIRST_FILL = {
  type: "execute",
  command:
    `sh -c 'if [ ! -s "$GATE" ]; then echo $$ >"$GATE"; exec sleep 1000; fi'`,
};

Deno.test("100 first starts of one package at once make one fill and no failure", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  const counter = scratch.join("counter");
  writeSamplePackage(pack, { setup: [COUNT_FILLS] });
  const cache = scratch.join("cache");
  const env = { ...BASE_ENV, FLAVOR_CACHE: cache, COUNTER: counter };

  const runs = await Promise.all(
    range(100).map((at) => runCommand([pack, `run ${at}`], { env })),
  );

  runs.forEach((run, at) =>
    assertEquals(run, succeeded(sampleOutput(`run ${at}`)))
  );
  assertEquals(readFileSync(counter, "utf8"), "filled\n");
  const alone = scratch.join("alone");
  await runCommand([pack], { env: { ...env, FLAVOR_CACHE: alone } });
  assertEquals(cacheTree(cache), cacheTree(alone));
});

Deno.test("20 packages started 5 times each at once make one fill each and no failure", async () => {
  using scratch = new Scratch();
  const cache = scratch.join("cache");
  const packs = range(20).map((at) => {
    const pack = scratch.join(`sample-${at}.psp`);
    writeSamplePackage(pack, {
      name: `sample-${at}`,
      setup: [COUNT_FILLS],
      files: 6,
    });
    return pack;
  });

  const runs = await Promise.all(
    range(100).map((at) => {
      const pack = packs[at % 20] ?? "";
      const env = {
        ...BASE_ENV,
        FLAVOR_CACHE: cache,
        COUNTER: `${pack}.counter`,
      };
      return runCommand([pack, `run ${at}`], { env });
    }),
  );

  runs.forEach((run, at) =>
    assertEquals(run, succeeded(sampleOutput(`run ${at}`)))
  );
  for (const pack of packs) {
    assertEquals(readFileSync(`${pack}.counter`, "utf8"), "filled\n");
  }
  assertEquals(entries(cache).length, 20);
});

Deno.test("starts that wait for a fill go on when its process is killed", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  const gate = scratch.join("gate");
  writeSamplePackage(pack, { setup: [COUNT_FILLS, BLOCK_FIRST_FILL] });
  const cache = scratch.join("cache");
  const counter = scratch.join("counter");
  const env = {
    ...BASE_ENV,
    FLAVOR_CACHE: cache,
    COUNTER: counter,
    GATE: gate,
  };

  let holder = 0;
  const held = runCommand([pack], { env, onStart: (pid) => holder = pid });
  await waitUntil("the first fill reaches its setup", () => isFilled(gate));
  const waiting = range(5).map((at) =>
    runCommand([pack, `run ${at}`], { env })
  );
  await waitUntil(
    "five starts wait",
    () => countLockWaiters(fillLock(cache)) === 5,
  );
  Deno.kill(holder, "SIGKILL");

  // The command that the dead process was running must not disturb the next fill.
  const command = Number(readFileSync(gate, "utf8"));
  const runs = await Promise.all(waiting);
  runs.forEach((run, at) =>
    assertEquals(run, succeeded(sampleOutput(`run ${at}`)))
  );
  assertEquals((await held).code, 137);
  assertEquals(readFileSync(counter, "utf8"), "filled\n".repeat(2));
  await waitUntil(
    "the setup command has ended",
    () => !existsSync(`/proc/${command}`),
  );
});

Deno.test("cache remove leaves a workenv alone while a program runs from it", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  const gate = scratch.join("gate");
  const wait = `while [ ! -e "$GATE" ]; do sleep 0.02; done`;
  const command = `sh -c '${wait}; exec "$FLAVOR_WORKENV/bin/app" done'`;
  writeSamplePackage(pack, { command });
  const cache = scratch.join("cache");
  const env = { ...BASE_ENV, FLAVOR_CACHE: cache, GATE: gate };
  const remove = (): Promise<RunResult> =>
    runCommand([pack, "cache", "remove"], {
      env: { ...env, FLAVOR_LAUNCHER_CLI: "1" },
    });

  const running = runCommand([pack], { env });
  await waitUntil(
    "the workenv is filled",
    () => markedEntries(cache).length > 0,
  );
  const before = cacheTree(cache);
  const refused = await remove();
  assertEquals(refused.code, 106, refused.stderr);
  assertMatch(refused.stderr, /^error: .*\[cache\/in-use\]\n(.*\n)* {2}hint: /);
  assertEquals(cacheTree(cache), before);

  writeFileSync(gate, "");
  assertEquals(await running, succeeded(sampleOutput("done")));
  const removed = await remove();
  assertEquals(removed.code, 0, removed.stderr);
  assertEquals(entries(cache), []);
});

Deno.test("cache remove at the same time as starts never breaks one", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack, { files: 6, setup: [] });
  const whole = await filledTree(pack, scratch.join("whole"));
  const cache = scratch.join("cache");
  mkdirSync(cache, { mode: 0o700 });
  const env = { ...BASE_ENV, FLAVOR_CACHE: cache };

  const starts: RunResult[] = [];
  const removals: RunResult[] = [];
  const keepStarting = async (): Promise<void> => {
    for (const at of range(15)) {
      starts.push(await runCommand([pack, `run ${at}`], { env }));
    }
  };
  const keepRemoving = async (): Promise<void> => {
    const cli = { env: { ...env, FLAVOR_LAUNCHER_CLI: "1" } };
    for (const _ of range(15)) {
      removals.push(await runCommand([pack, "cache", "remove"], cli));
    }
  };
  await Promise.all([
    ...range(4).map(keepStarting),
    ...range(3).map(keepRemoving),
  ]);

  for (const { code, stderr } of starts) {
    assertEquals({ code, stderr }, { code: 0, stderr: "" });
  }
  for (const { code, stderr } of removals) {
    // Already gone, and in use, are the two good reasons not to remove.
    assert(
      code === 0 || /\[cache\/(in-use|not-found)\]/.test(stderr),
      `${code}: ${stderr}`,
    );
  }
  await assertStarts(pack, cache, "after all of them");
  assertEquals(cacheTree(cache), whole);
});

function range(count: number): readonly number[] {
  return Array.from({ length: count }, (_, at) => at);
}

function succeeded(stdout: string): RunResult {
  return { code: 0, stdout, stderr: "" };
}

/** Workenvs and what lies beside them, without their records. */
function entries(cache: string): readonly string[] {
  return readdirSync(`${cache}/workenv`).filter((name) =>
    !name.endsWith(".pspf")
  );
}

function isFilled(path: string): boolean {
  return existsSync(path) && readFileSync(path, "utf8").endsWith("\n");
}

function fillLock(cache: string): string {
  const name = readdirSync(`${cache}/locks`).find((lock) =>
    lock.endsWith(".fill")
  );
  return `${cache}/locks/${name}`;
}
