import { assert, assertEquals, assertNotEquals } from "@std/assert";
import { cpSync, readFileSync, utimesSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { filledTree, markedEntries } from "./support/assert_cache.ts";
import { cacheTree } from "./support/cache_tree.ts";
import { parseRecord } from "./support/launch_record.ts";
import { canMount, inMountNamespace } from "./support/mount_namespace.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";

const BOOT_ID = "/proc/sys/kernel/random/boot_id";

/** Calls that wait for a disk. */
const WAITING = /^(fsync|fdatasync|sync|syncfs|sync_file_range|msync)\(/;

const STARTED: RunResult = {
  code: 0,
  stdout: sampleOutput("argument"),
  stderr: "",
};

/** A package that was started once. */
class Filled extends Scratch {
  readonly pack: string = this.join("sample.psp");
  readonly cache: string = this.join("cache");
  readonly env = { ...BASE_ENV, FLAVOR_CACHE: this.cache };
  /** Absolute path of the workenv. */
  workenv = "";
  /** Absolute path of its completion record. */
  record = "";

  static async create(): Promise<Filled> {
    const filled = new Filled();
    writeSamplePackage(filled.pack);
    await filledTree(filled.pack, filled.cache);
    const [id = ""] = markedEntries(filled.cache);
    filled.workenv = join(filled.cache, "workenv", id);
    filled.record = join(filled.cache, "workenv", `.${id}.pspf`, "launch");
    return filled;
  }

  /** Lets the record be as old as if the system had had the time to write everything. */
  age(): void {
    const before = Date.now() / 1000 - 3600;
    utimesSync(this.record, before, before);
  }

  isDurable(): boolean {
    return parseRecord(readFileSync(this.record)).bound.length === 0;
  }

  start(cache = this.cache): Promise<RunResult> {
    const env = { ...this.env, FLAVOR_CACHE: cache };
    return runCommand([this.pack, "argument"], { env });
  }

  /** Starts on a machine that was started again since: as after a power cut. */
  startAfterReboot(cache = this.cache): Promise<RunResult> {
    const other = this.join("boot_id");
    writeFileSync(other, "00000000-1111-2222-3333-444444444444\n");
    const script = `mount --bind "$1" ${BOOT_ID}; exec "$2" argument`;
    const command = inMountNamespace(script, other, this.pack);
    return runCommand(command, { env: { ...this.env, FLAVOR_CACHE: cache } });
  }

  /** The system calls of a start, each with the files that its descriptors are. */
  async trace(cache = this.cache): Promise<readonly string[]> {
    const log = this.join("strace.log");
    const run = await runCommand([
      ...["strace", "-f", "-qqq", "-y", "-o", log, "--"],
      ...[this.pack, "argument"],
    ], { env: { ...this.env, FLAVOR_CACHE: cache } });
    assertEquals(run, STARTED);
    return readFileSync(log, "utf8").split("\n")
      .map((line) => line.replace(/^\d+ +/, ""));
  }
}

Deno.test("a first start waits for no disk, but for files that become the user's", async () => {
  using filled = await Filled.create();

  const calls = await filled.trace(filled.join("another"));

  const waits = calls.filter((call) => WAITING.test(call));
  const own = waits.filter((call) => call.includes("/staging/"));
  assertEquals(waits, own);
  assertEquals(own.length, 1, "the one config slot");
  assertEquals(filled.isDurable(), false);
});

Deno.test("a later start makes every file durable before its record says so", async () => {
  using filled = await Filled.create();
  const early = await filled.trace();
  assertEquals(early.filter((call) => WAITING.test(call)), []);
  filled.age();

  const calls = await filled.trace();

  assert(filled.isDurable());
  const said = calls.findIndex((call) =>
    call.startsWith("rename") && call.includes("/launch.tmp")
  );
  assertNotEquals(said, -1, calls.join("\n"));
  const before = calls.slice(0, said).filter((call) => WAITING.test(call));
  const isAwaited = (path: string): boolean =>
    before.some((call) => call.includes(`<${path}>`));
  const records = join(filled.record, "..");
  const files = [filled.workenv, records].flatMap((root) =>
    cacheTree(root).filter((line) => !/\/ \d+$| -> /.test(line))
      .map((line) => join(root, line.replace(/ \d+ \w+$/, "")))
  ).filter((path) => path !== filled.record);
  assert(files.length > 40, files.join("\n"));
  assertEquals(files.filter((path) => !isAwaited(path)), []);
  // The names as well.
  assert(before.some((call) => /^fsync\(.*pspf>/.test(call)));
  assert(isAwaited(`${filled.record}.tmp`));
  const after = calls.slice(said).filter((call) => WAITING.test(call));
  assertEquals(after.length, 1, "the record's own name");

  const later = await filled.trace();
  assertEquals(later.filter((call) => WAITING.test(call)), []);
});

if (await canMount()) {
  Deno.test("what was not durable before the machine was started again is filled anew", async () => {
    using filled = await Filled.create();
    const whole = cacheTree(filled.cache);
    // What a power cut leaves of files that were not on the disk yet.
    writeFileSync(join(filled.workenv, "share/hello.txt"), "");
    writeFileSync(join(filled.workenv, "data/0/file-0.bin"), new Uint8Array(9));

    assertEquals(await filled.startAfterReboot(), STARTED);

    assertEquals(cacheTree(filled.cache), whole);
  });

  Deno.test("what was durable before the machine was started again is used as it is", async () => {
    using filled = await Filled.create();
    filled.age();
    assertEquals(await filled.start(), STARTED);
    const record = readFileSync(filled.record);
    writeFileSync(join(filled.workenv, "data/0/mine"), "kept");

    assertEquals(await filled.startAfterReboot(), STARTED);

    assertEquals(readFileSync(filled.record), record);
    assertEquals(
      readFileSync(join(filled.workenv, "data/0/mine"), "utf8"),
      "kept",
    );
  });

  Deno.test("a copy of a cache counts on another machine", async () => {
    using filled = await Filled.create();
    const copy = filled.join("copy");
    cpSync(filled.cache, copy, {
      recursive: true,
      preserveTimestamps: true,
      verbatimSymlinks: true,
    });
    writeFileSync(
      join(copy, filled.workenv.slice(filled.cache.length), "mine"),
      "kept",
    );

    assertEquals(await filled.startAfterReboot(copy), STARTED);

    const mine = join(copy, filled.workenv.slice(filled.cache.length), "mine");
    assertEquals(readFileSync(mine, "utf8"), "kept");
  });
}
