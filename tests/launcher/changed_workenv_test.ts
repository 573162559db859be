import { assertEquals, assertStringIncludes } from "@std/assert";
import {
  appendFileSync,
  mkdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { filledTree, markedEntries } from "./support/assert_cache.ts";
import { cacheTree } from "./support/cache_tree.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { ORDINARY, removeTree, Scratch } from "./support/scratch.ts";
import { waitUntil } from "./support/wait_until.ts";

/** A package whose workenv is filled. */
class Filled extends Scratch {
  readonly pack: string = this.join("sample.psp");
  readonly cache: string = this.join("cache");
  readonly env: Readonly<Record<string, string>> = {
    ...BASE_ENV,
    FLAVOR_CACHE: this.cache,
  };
  /** Absolute path of the workenv. */
  workenv = "";

  static async create(command?: string): Promise<Filled> {
    const filled = new Filled();
    writeSamplePackage(
      filled.pack,
      command === undefined ? {} : { command },
    );
    await filledTree(filled.pack, filled.cache);
    const [id = ""] = markedEntries(filled.cache);
    filled.workenv = join(filled.cache, "workenv", id);
    return filled;
  }

  start(): Promise<RunResult> {
    return runCommand([this.pack, "argument"], { env: this.env });
  }

  verify(): Promise<RunResult> {
    const env = { ...this.env, FLAVOR_LAUNCHER_CLI: "1" };
    return runCommand([this.pack, "verify", "--cache"], { env });
  }
}

const STARTED: RunResult = {
  code: 0,
  stdout: sampleOutput("argument"),
  stderr: "",
};

Deno.test("a program that was removed from the workenv is there again after the next start", async (t) => {
  const losses: Readonly<Record<string, (workenv: string) => void>> = {
    "the program": (workenv) => rmSync(join(workenv, "bin/app")),
    "its directory": (workenv) => removeTree(join(workenv, "bin")),
    "the whole workenv": (workenv) => removeTree(workenv),
  };
  for (const [name, lose] of Object.entries(losses)) {
    await t.step(name, async () => {
      using filled = await Filled.create();
      const whole = cacheTree(filled.cache);
      lose(filled.workenv);
      assertEquals(await filled.start(), STARTED);
      assertEquals(cacheTree(filled.cache), whole);
    });
  }
});

Deno.test("a script that a host program runs is there again after the next start", async () => {
  using filled = await Filled.create("sh {workenv}/bin/app");
  const whole = cacheTree(filled.cache);
  rmSync(join(filled.workenv, "bin/app"));

  assertEquals(await filled.start(), STARTED);
  assertEquals(cacheTree(filled.cache), whole);
});

Deno.test("a refill while a program runs mends in place and leaves the program alone", async () => {
  using scratch = new Scratch();
  const wait = `while [ ! -e "$GATE" ]; do sleep 0.02; done`;
  const command = `sh -c '${wait}; exec "$FLAVOR_WORKENV/bin/app" "$@"' sh`;
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack, { command, setup: [] });
  const cache = scratch.join("cache");
  const env = { ...BASE_ENV, FLAVOR_CACHE: cache };
  const start = (gate: string, more = {}): Promise<RunResult> =>
    runCommand([pack, "argument"], {
      env: { ...env, GATE: gate, ...more },
      ...ORDINARY,
    });
  assertEquals(await start(pack), STARTED);
  const whole = cacheTree(cache);
  const gate = scratch.join("gate");

  let pid = 0;
  const running = runCommand([pack, "argument"], {
    env: { ...env, GATE: gate },
    onStart: (id) => pid = id,
    ...ORDINARY,
  });
  await waitUntil("the program runs", () => runsShell(pid));
  assertEquals(await start(pack, { FLAVOR_WORKENV_CACHE: "0" }), STARTED);
  assertEquals(cacheTree(cache), whole);
  writeFileSync(gate, "");
  assertEquals(await running, STARTED);
});

Deno.test("a damaged completion record is not believed", async (t) => {
  const damages: Readonly<Record<string, (record: string) => void>> = {
    "empty": (record) => writeFileSync(record, ""),
    "longer": (record) => appendFileSync(record, "x"),
    "of zeros": (record) => writeFileSync(record, new Uint8Array(300)),
    "a directory": (record) => {
      rmSync(record);
      mkdirSync(record);
    },
  };
  for (const [name, damage] of Object.entries(damages)) {
    await t.step(name, async () => {
      using filled = await Filled.create();
      const tree = cacheTree(filled.cache);
      const [id = ""] = markedEntries(filled.cache);
      damage(join(filled.cache, "workenv", `.${id}.pspf`, "launch"));
      assertEquals(await filled.start(), STARTED);
      assertEquals(cacheTree(filled.cache), tree);
    });
  }
});

Deno.test("verify --cache finds nothing in a workenv that nobody changed", async () => {
  using filled = await Filled.create();

  const result = await filled.verify();

  assertEquals(result.code, 0, result.stdout + result.stderr);
});

Deno.test("verify --cache names every file that was changed", async (t) => {
  const changes: Readonly<Record<string, (path: string) => void>> = {
    "data/0/file-0.bin": (path) => appendFileSync(path, "x"),
    "data/1/file-1.bin": (path) => rmSync(path),
    "share/hello.txt": (path) => writeFileSync(path, "hello from a slod\n"),
    "lib/link.txt": (path) => {
      rmSync(path);
      symlinkSync("empty", path);
    },
    "lib/real.txt": (path) => {
      rmSync(path);
      symlinkSync("/nowhere", path);
    },
  };
  for (const [file, change] of Object.entries(changes)) {
    await t.step(file, async () => {
      using filled = await Filled.create();
      change(join(filled.workenv, file));
      const { code, stdout, stderr } = await filled.verify();
      assertEquals(code, 107, stdout + stderr);
      assertStringIncludes(stdout + stderr, file);
    });
  }
});

Deno.test("verify --cache says that nothing was unpacked yet", async () => {
  using filled = await Filled.create();
  removeTree(filled.cache);

  const { code, stdout, stderr } = await filled.verify();

  assertEquals(code, 106);
  assertStringIncludes(stdout + stderr, "cache/not-found");
});

/** Whether a process is the program already, and no longer the launcher. */
function runsShell(pid: number): boolean {
  return readFileSync(`/proc/${pid}/cmdline`, "utf8").includes("GATE");
}
