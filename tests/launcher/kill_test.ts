import { assert } from "@std/assert";
import { copyFileSync, cpSync, rmSync, utimesSync } from "node:fs";
import { join } from "node:path";
import { cacheTree } from "./support/cache_tree.ts";
import { filledTree, markedEntries } from "./support/assert_cache.ts";
import { surviveKills } from "./support/kill_harness.ts";
import { writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";

Deno.test("the launcher, killed anywhere in a first run, leaves nothing that the next start keeps", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack);

  const { points, killed } = await surviveKills(scratch, { pack, budget: 180 });

  assert(points >= 200, `only ${points} points were found`);
  assert(killed >= 60, `only ${killed} runs were killed`);
});

Deno.test("the launcher, killed anywhere in a refill, leaves nothing that the next start keeps", async () => {
  using scratch = new Scratch();
  const { pack, filled } = await fillSample(scratch);

  const { killed } = await surviveKills(scratch, {
    pack,
    env: { FLAVOR_WORKENV_CACHE: "0" },
    prepare: (cache) => copyCache(filled, cache),
    budget: 60,
  });

  assert(killed >= 20, `only ${killed} runs were killed`);
});

Deno.test("the launcher, killed anywhere in a repair, leaves nothing that the next start keeps", async () => {
  using scratch = new Scratch();
  const { pack, filled } = await fillSample(scratch);
  removeFiles(filled, /\/bin\/app$/);

  const { killed } = await surviveKills(scratch, {
    pack,
    prepare: (cache) => copyCache(filled, cache),
    budget: 60,
  });

  assert(killed >= 20, `only ${killed} runs were killed`);
});

Deno.test("the launcher, killed anywhere in a repair that brings a configuration file back, never leaves half of it", async () => {
  using scratch = new Scratch();
  const { pack, filled } = await fillSample(scratch);
  removeFiles(filled, /\/(etc\/app\.conf|bin\/app)$/);

  const { killed } = await surviveKills(scratch, {
    pack,
    prepare: (cache) => copyCache(filled, cache),
    calls: /^(openat|write|linkat|unlinkat|rename|renameat|fsync)$/,
    budget: 80,
  });

  assert(killed >= 20, `only ${killed} runs were killed`);
});

Deno.test("the launcher, killed anywhere while it checks another file, leaves nothing that the next start keeps", async () => {
  using scratch = new Scratch();
  const { pack, filled } = await fillSample(scratch);
  const copy = scratch.join("copy.psp");
  copyFileSync(pack, copy);

  const { killed } = await surviveKills(scratch, {
    pack: copy,
    prepare: (cache) => {
      copyCache(filled, cache);
      dateRecord(cache, Date.now());
    },
    budget: 40,
  });

  assert(killed >= 5, `only ${killed} runs were killed`);
});

Deno.test("the launcher, killed anywhere while it makes everything durable, leaves nothing that the next start keeps", async () => {
  using scratch = new Scratch();
  const { pack, filled } = await fillSample(scratch);
  dateRecord(filled, Date.now() - 3_600_000);

  const { points, killed } = await surviveKills(scratch, {
    pack,
    prepare: (cache) => copyCache(filled, cache),
    budget: 40,
  });

  assert(points >= 50, `only ${points} points were found`);
  assert(killed >= 20, `only ${killed} runs were killed`);
});

Deno.test("a start that is killed in the middle of its setup is repeated from the beginning", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  // Each command fails, or leaves something else, where an earlier setup has left its work.
  const shell = (command: string) => ({ type: "shell", command });
  writeSamplePackage(pack, {
    files: 4,
    setup: [
      shell("test ! -e var/first && echo one >var/first"),
      shell("echo two >>var/log/second"),
      { type: "write_file", path: "var/third", content: "three\n" },
      shell("cat var/first var/log/second var/third >var/all && rm var/first"),
      { type: "chmod", path: "var/all", mode: "0400" },
    ],
  });

  const { killed } = await surviveKills(scratch, { pack, budget: 150 });

  assert(killed >= 40, `only ${killed} runs were killed`);
});

Deno.test("cache remove, killed anywhere, leaves nothing that the next start keeps", async () => {
  using scratch = new Scratch();
  const { pack, filled } = await fillSample(scratch);

  const { killed } = await surviveKills(scratch, {
    pack,
    command: [pack, "cache", "remove"],
    env: { FLAVOR_LAUNCHER_CLI: "1" },
    prepare: (cache) => copyCache(filled, cache),
    budget: 40,
  });

  assert(killed >= 10, `only ${killed} runs were killed`);
});

/** The sample package, and a cache that it has filled. */
async function fillSample(
  scratch: Scratch,
): Promise<{ readonly pack: string; readonly filled: string }> {
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack);
  const filled = scratch.join("filled");
  await filledTree(pack, filled);
  return { pack, filled };
}

/** Says when the one workenv of a cache was filled. */
function dateRecord(cache: string, ms: number): void {
  const [id = ""] = markedEntries(cache);
  const record = join(cache, "workenv", `.${id}.pspf`, "launch");
  utimesSync(record, ms / 1000, ms / 1000);
}

/** Removes every file of a cache whose path fits. */
function removeFiles(cache: string, pattern: RegExp): void {
  for (const line of cacheTree(cache)) {
    const [path = ""] = line.split(" ");
    if (pattern.test(path)) rmSync(join(cache, path));
  }
}

function copyCache(from: string, to: string): void {
  cpSync(from, to, {
    recursive: true,
    preserveTimestamps: true,
    verbatimSymlinks: true,
  });
}
