import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import type { Host } from "../../lib/host/types.ts";
import { findCacheRoot } from "../../lib/workenv/cache_root.ts";
import {
  cleanWorkenvs,
  removeWorkenv,
} from "../../lib/workenv/remove_workenvs.ts";
import { findWorkenv, listWorkenvs } from "../../lib/workenv/workenvs.ts";
import { capturedHost, cli } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { rejectsCode } from "../support/throws_code.ts";

const DAY_MS = 86_400_000;
const NOW_MS = 1_800_000_000_000;

function idOf(digit: string): string {
  return digit.repeat(32);
}

interface FakeWorkenv {
  readonly ageDays: number;
  readonly size: number;
  readonly filled?: boolean;
}

/** Lays down a workenv as the launcher does. */
async function fill(
  dir: TempDir,
  id: string,
  { ageDays, size, filled = true }: FakeWorkenv,
): Promise<void> {
  const base = "cache/workenv";
  await dir.write(`${base}/${id}/bin/program`, "x".repeat(size), 0o755);
  await dir.write(
    `${base}/.${id}.pspf/info.json`,
    JSON.stringify({
      package: `app-${id[0]}`,
      version: "1.0",
      id,
      package_path: "/somewhere/app.psp",
      filled_at: NOW_MS / 1000 - ageDays * 86_400,
      size_bytes: size,
      files: 1,
    }),
  );
  if (filled) await dir.write(`${base}/.${id}.pspf/launch`, "record");
  await dir.write(`cache/locks/${id}.fill`, "");
  await dir.write(`cache/locks/${id}.use`, "");
  for (const path of ["cache", "cache/workenv", "cache/locks"]) {
    await Deno.chmod(dir.at(path), 0o700);
  }
}

function hostIn(
  dir: TempDir,
  others: Host["processes"]["others"] = noOthers,
): Host {
  return capturedHost({
    cwd: dir.path,
    env: { FLAVOR_CACHE: dir.at("cache") },
    change: (host) => ({
      ...host,
      clock: { ...host.clock, now: () => NOW_MS },
      processes: {
        runInPlace: (request) => host.processes.runInPlace(request),
        runTool: (request) => host.processes.runTool(request),
        capture: (request, ms) => host.processes.capture(request, ms),
        others,
      },
    }),
  });
}

const noOthers: Host["processes"]["others"] = () => Promise.resolve([]);

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("listWorkenvs() gives the newest first and ignores what is none", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 3, size: 10 });
  await fill(dir, idOf("b"), { ageDays: 1, size: 20, filled: false });
  await dir.write("cache/workenv/README", "not one");
  await dir.write("cache/workenv/.trash-x/file", "not one");
  const { entries } = await listWorkenvs(hostIn(dir));
  assertEquals(
    entries.map((
      { id, packageName, size, filled },
    ) => [id, packageName, size, filled]),
    [
      [idOf("b"), "app-b", 20, false],
      [idOf("a"), "app-a", 10, true],
    ],
  );
});

Deno.test("listWorkenvs() finds nothing where there is no cache, and creates none", async () => {
  await using dir = await tempDir();
  assertEquals((await listWorkenvs(hostIn(dir))).entries, []);
  assertEquals(names(dir.path), []);
});

Deno.test("removeWorkenv() removes content and records and keeps the locks", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  await Deno.chmod(dir.at("cache/workenv", idOf("a"), "bin"), 0o555);
  const host = hostIn(dir);
  const entry = await findWorkenv(idOf("a"), host);
  await removeWorkenv(entry, host);
  assertEquals(names(dir.at("cache/workenv")), []);
  assertEquals(names(dir.at("cache/locks")), [
    `${idOf("a")}.fill`,
    `${idOf("a")}.use`,
  ]);
});

for (const [lock, exclusive] of [["use", false], ["fill", true]] as const) {
  Deno.test(`removeWorkenv() refuses while somebody holds the .${lock} lock`, async () => {
    await using dir = await tempDir();
    await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
    using held = await Deno.open(
      dir.at("cache/locks", `${idOf("a")}.${lock}`),
      {
        read: true,
        write: true,
      },
    );
    held.lockSync(exclusive);
    const host = hostIn(dir);
    const entry = await findWorkenv(idOf("a"), host);
    await rejectsCode("cache/in-use", () => removeWorkenv(entry, host));
    assertEquals(names(dir.at("cache/workenv", `.${idOf("a")}.pspf`)), [
      "info.json",
      "launch",
    ]);
    const { removed, inUse } = await cleanWorkenvs(host);
    assertEquals([removed.length, inUse.length], [0, 1]);
  });
}

for (const how of ["workenv", "path"] as const) {
  Deno.test(`removeWorkenv() refuses while a process is seen there by its ${how}`, async () => {
    await using dir = await tempDir();
    await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
    const inside = dir.at("cache/workenv", idOf("a"));
    const host = hostIn(dir, () =>
      Promise.resolve([{
        id: 42,
        paths: how === "path" ? [`${inside}/bin/program`] : [],
        workenv: how === "workenv" ? inside : undefined,
      }, { id: 43, paths: [`${inside}0/bin/program`], workenv: undefined }]));
    const entry = await findWorkenv(idOf("a"), host);
    assertEquals(entry.users, [42]);
    await rejectsCode("cache/in-use", () => removeWorkenv(entry, host));
  });
}

Deno.test("cleanWorkenvs() goes by age, by size, and by both", async (t) => {
  const cases = [
    [{}, "abc"],
    [{ olderThanMs: 2 * DAY_MS }, "ab"],
    [{ maxSize: 50 }, "ab"],
    [{ maxSize: 60 }, "a"],
    [{ maxSize: 1000 }, ""],
    [{ olderThanMs: 6 * DAY_MS, maxSize: 0 }, "a"],
  ] as const;
  for (const [options, expected] of cases) {
    await t.step(JSON.stringify(options), async () => {
      await using dir = await tempDir();
      await fill(dir, idOf("a"), { ageDays: 9, size: 40 });
      await fill(dir, idOf("b"), { ageDays: 5, size: 30 });
      await fill(dir, idOf("c"), { ageDays: 1, size: 30 });
      const host = hostIn(dir);
      const dry = await cleanWorkenvs(host, { ...options, dryRun: true });
      assertEquals(names(dir.at("cache/workenv")).length, 6);
      const { removed } = await cleanWorkenvs(host, options);
      assertEquals(removed.map(({ id }) => id[0]).join(""), expected);
      assertEquals(dry.removed.length, removed.length);
    });
  }
});

Deno.test("cleanWorkenvs() empties the trash of interrupted removals", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  await dir.write(`cache/workenv/.trash-${idOf("b")}-123/file`, "x");
  await cleanWorkenvs(hostIn(dir), { maxSize: 1000 });
  assertEquals(names(dir.at("cache/workenv")), [
    `.${idOf("a")}.pspf`,
    idOf("a"),
  ]);
});

for (
  const [lock, exclusive, activity, state] of [
    ["use", false, "running", "in use"],
    ["fill", true, "filling", "being filled"],
  ] as const
) {
  Deno.test(`workenv list says "${state}" while somebody holds the .${lock} lock, without a look at processes`, async () => {
    await using dir = await tempDir();
    await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
    const path = dir.at("cache/locks", `${idOf("a")}.${lock}`);
    {
      using held = await Deno.open(path, { read: true, write: true });
      held.lockSync(exclusive);
      const { entries } = await listWorkenvs(hostIn(dir));
      assertEquals(entries.map((entry) => entry.activity), [activity]);
      const dry = await cleanWorkenvs(hostIn(dir), { dryRun: true });
      assertEquals([dry.removed.length, dry.inUse.length], [0, 1]);
      const options = { cwd: dir.path, env: { FLAVOR_CACHE: dir.at("cache") } };
      const text = await cli(["workenv", "list"], options);
      assertStringIncludes(text.out, state);
      const json = await cli(["workenv", "list", "--json"], options);
      assertEquals(JSON.parse(json.out).workenvs[0].in_use, true);
      const info = await cli(["workenv", "info", "--json"], options);
      assertEquals(JSON.parse(info.out).in_use, 1);
    }
    const { entries } = await listWorkenvs(hostIn(dir));
    assertEquals(entries.map((entry) => entry.activity), ["none"]);
  });
}

Deno.test("listWorkenvs() creates no lock file and holds none", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  await Deno.remove(dir.at("cache/locks", `${idOf("a")}.use`));
  await listWorkenvs(hostIn(dir));
  assertEquals(names(dir.at("cache/locks")), [`${idOf("a")}.fill`]);
  using file = await Deno.open(dir.at("cache/locks", `${idOf("a")}.fill`), {
    read: true,
    write: true,
  });
  assert(file.tryLockSync(true));
});

for (const command of ["inspect", "remove"]) {
  for (
    const id of [
      "..",
      "../outside",
      "../../outside",
      "/",
      "/etc",
      "",
      ".",
      `${idOf("a")}/..`,
      `../workenv/${idOf("a")}`,
      `.${idOf("a")}.pspf`,
      `${idOf("a")}\n`,
      `${idOf("a")}\0`,
    ]
  ) {
    Deno.test(`workenv ${command} refuses the id ${JSON.stringify(id)}`, async () => {
      await using dir = await tempDir();
      await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
      await dir.write("outside/file", "kept");
      const { code, err } = await cli(["workenv", command, id], {
        cwd: dir.path,
        env: { FLAVOR_CACHE: dir.at("cache") },
      });
      assertEquals(code, 2, err);
      assertStringIncludes(err, "[usage/bad-argument]");
      assertEquals(names(dir.at("cache/workenv")), [
        `.${idOf("a")}.pspf`,
        idOf("a"),
      ]);
      assertEquals(await Deno.readTextFile(dir.at("outside/file")), "kept");
    });
  }

  for (const part of ["content", "records", "locks"] as const) {
    Deno.test(`workenv ${command} of an id whose ${part} are a link reaches nothing outside`, async () => {
      await using dir = await tempDir();
      const id = idOf("b");
      await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
      await dir.write("outside/info.json", '{"package":"stolen"}');
      await dir.write("outside/launch", "kept");
      if (part !== "content") {
        await Deno.mkdir(dir.at("cache/workenv", id), { mode: 0o700 });
      }
      const path = {
        content: `cache/workenv/${id}`,
        records: `cache/workenv/.${id}.pspf`,
        locks: `cache/locks/${id}.fill`,
      }[part];
      const target = part === "locks" ? "outside/launch" : "outside";
      await Deno.symlink(dir.at(target), dir.at(path));
      const { out, err } = await cli(["workenv", command, id], {
        cwd: dir.path,
        env: { FLAVOR_CACHE: dir.at("cache") },
      });
      assertEquals(`${out}${err}`.includes("stolen"), false);
      assertEquals(names(dir.at("outside")), ["info.json", "launch"]);
      assertEquals(await Deno.readTextFile(dir.at("outside/launch")), "kept");
    });
  }
}

Deno.test("a link in place of a workenv is removed, never followed", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  await dir.write("outside/file", "kept");
  await Deno.symlink(dir.at("outside"), dir.at("cache/workenv", idOf("b")));
  await cleanWorkenvs(hostIn(dir));
  assertEquals(names(dir.at("cache/workenv")), []);
  assertEquals(await Deno.readTextFile(dir.at("outside/file")), "kept");
});

Deno.test("findCacheRoot() refuses a cache that others could change", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  await Deno.chmod(dir.at("cache"), 0o770);
  await rejectsCode("cache/insecure", () => findCacheRoot(hostIn(dir)));
  await Deno.chmod(dir.at("cache"), 0o755);
  await findCacheRoot(hostIn(dir));
  await Deno.chmod(dir.at("cache/workenv"), 0o777);
  await rejectsCode("cache/insecure", () => findCacheRoot(hostIn(dir)));
});

Deno.test("findCacheRoot() refuses a link in place of its directories", async () => {
  await using dir = await tempDir();
  await Deno.mkdir(dir.at("cache"), { mode: 0o700 });
  await Deno.mkdir(dir.at("elsewhere"), { mode: 0o700 });
  await Deno.symlink(dir.at("elsewhere"), dir.at("cache/workenv"));
  await rejectsCode("cache/insecure", () => findCacheRoot(hostIn(dir)));
});

Deno.test("findCacheRoot() follows the launcher's rules", async () => {
  await using dir = await tempDir();
  const rootOf = async (
    env: Readonly<Record<string, string>>,
  ): Promise<string> =>
    (await findCacheRoot(capturedHost({ cwd: dir.path, env }))).path;
  assertEquals(
    await rootOf({ FLAVOR_CACHE: "/a/b", XDG_CACHE_HOME: "/x" }),
    "/a/b",
  );
  assertEquals(
    await rootOf({ FLAVOR_CACHE: "", XDG_CACHE_HOME: "/x/y" }),
    "/x/y/flavor",
  );
  assertEquals(
    await rootOf({ XDG_CACHE_HOME: "relative", HOME: "/h/i" }),
    "/h/i/.cache/flavor",
  );
  await rejectsCode(
    "cache/unavailable",
    () => rootOf({ FLAVOR_CACHE: "relative" }),
  );
});

Deno.test("listWorkenvs() reports nothing that is gone, and cleanWorkenvs() removes what is left of it", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  await fill(dir, idOf("b"), { ageDays: 2, size: 20 });
  await Deno.remove(dir.at("cache/workenv", idOf("a")), { recursive: true });
  const { entries } = await listWorkenvs(hostIn(dir));
  assertEquals(entries.map(({ id }) => id), [idOf("b")]);
  const options = { cwd: dir.path, env: { FLAVOR_CACHE: dir.at("cache") } };
  const info = await cli(["workenv", "info", "--json"], options);
  assertEquals([JSON.parse(info.out).workenvs, JSON.parse(info.out).size], [
    1,
    20,
  ]);
  const inspect = await cli(["workenv", "inspect", idOf("a")], options);
  assertEquals(inspect.code, 5, inspect.out);
  const { removed } = await cleanWorkenvs(hostIn(dir), { maxSize: 1000 });
  assertEquals(removed, []);
  assertEquals(names(dir.at("cache/workenv")), [
    `.${idOf("b")}.pspf`,
    idOf("b"),
  ]);
});

Deno.test("cleanWorkenvs() leaves the records of a workenv that is being filled", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10, filled: false });
  await Deno.remove(dir.at("cache/workenv", idOf("a")), { recursive: true });
  using held = await Deno.open(dir.at("cache/locks", `${idOf("a")}.fill`), {
    read: true,
    write: true,
  });
  held.lockSync(true);
  await cleanWorkenvs(hostIn(dir));
  assertEquals(names(dir.at("cache/workenv")), [`.${idOf("a")}.pspf`]);
});

Deno.test("findWorkenv() takes an id, the beginning of one, or the package's name, as long as it means one", async () => {
  await using dir = await tempDir();
  const [first, second] = [`12345${"0".repeat(27)}`, `12346${"0".repeat(27)}`];
  await fill(dir, first, { ageDays: 1, size: 10 });
  await fill(dir, second, { ageDays: 1, size: 10 });
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  const host = hostIn(dir);
  for (
    const [reference, id] of [
      [first, first],
      ["12346", second],
      ["aaaa", idOf("a")],
      ["app-a", idOf("a")],
    ] as const
  ) {
    assertEquals((await findWorkenv(reference, host)).id, id);
  }
  for (const ambiguous of ["1234", "app-1"]) {
    const error = await rejectsCode(
      "usage/bad-argument",
      () => findWorkenv(ambiguous, host),
    );
    assertStringIncludes(error.message, "2 workenvs");
    assertStringIncludes(error.hint ?? "", first);
  }
  // Too short to be meant, or no beginning at all.
  for (const missing of ["aaa", "app", "1234a", idOf("A"), `${idOf("a")}a`]) {
    await rejectsCode("cache/not-found", () => findWorkenv(missing, host));
  }
});

Deno.test("findCacheRoot() corrects what the launcher of another product exports", async () => {
  await using dir = await tempDir();
  const rootOf = async (FLAVOR_CACHE: string): Promise<string> => {
    const env = { FLAVOR_CACHE, HOME: "/home/you" };
    return (await findCacheRoot(capturedHost({ cwd: dir.path, env }))).path;
  };
  const ours = "/home/you/.cache/flavor";
  assertEquals(await rootOf("/home/you/.cache/flavor/workenv"), ours);
  assertEquals(await rootOf("/home/you/.cache/flavor/workenv/"), ours);
  // Whoever asks for another place gets it.
  assertEquals(await rootOf("/srv/workenv"), "/srv/workenv");
});

Deno.test("workenv commands print one JSON object and say when there is none", async () => {
  await using dir = await tempDir();
  await fill(dir, idOf("a"), { ageDays: 1, size: 10 });
  const options = { cwd: dir.path, env: { FLAVOR_CACHE: dir.at("cache") } };
  const list = await cli(["workenv", "list", "--json"], options);
  assertEquals(JSON.parse(list.out).workenvs[0].id, idOf("a"));
  const info = await cli(["workenv", "info", "--json"], options);
  assertEquals(JSON.parse(info.out).size, 10);
  const one = await cli(["workenv", "inspect", idOf("a")], options);
  assertStringIncludes(one.out, "app-a 1.0");
  const none = await cli(["workenv", "remove", idOf("c")], options);
  assertEquals(none.code, 5);
  const removed = await cli(
    ["workenv", "remove", idOf("a"), "--json"],
    options,
  );
  assertEquals(JSON.parse(removed.out), { removed: [idOf("a")], freed: 10 });
});
