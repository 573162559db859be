import {
  assert,
  assertEquals,
  assertNotEquals,
  assertStringIncludes,
} from "@std/assert";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { assertRefusal } from "./support/assert_refusal.ts";
import { cacheTree } from "./support/cache_tree.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { IS_ROOT, ORDINARY, Scratch } from "./support/scratch.ts";

/** A user that no system knows. */
const STRANGER = 54_321;

/** A package and a place for its caches. */
class Fixture extends Scratch {
  readonly pack: string = this.join("sample.psp");

  constructor() {
    super();
    writeSamplePackage(this.pack, { files: 6, setup: [] });
  }

  /** Starts the package as an ordinary user. */
  start(env: Readonly<Record<string, string>>): Promise<RunResult> {
    return runCommand([this.pack, "x"], {
      env: { ...BASE_ENV, ...env },
      ...ORDINARY,
    });
  }

  /** Makes a directory that is not the ordinary user's. */
  temporary(name: string, mode: number): string {
    const path = this.join(name);
    mkdirSync(path);
    chmodSync(path, mode);
    return path;
  }

  /** Makes a directory of the ordinary user's. */
  directory(name: string, mode: number): string {
    const path = this.join(name);
    mkdirSync(path);
    this.giveAway(path);
    chmodSync(path, mode);
    return path;
  }
}

const STARTED: RunResult = { code: 0, stdout: sampleOutput("x"), stderr: "" };

Deno.test("the cache is below HOME when nothing else is set", async () => {
  using fixture = new Fixture();
  const home = fixture.directory("home", 0o755);

  assertEquals(await fixture.start({ HOME: home }), STARTED);

  const tree = cacheTree(home);
  for (const folder of ["", "locks/", "workenv/"]) {
    assert(tree.includes(`.cache/flavor/${folder} 700`), tree.join("\n"));
  }
});

/** Starts a package as a user that has no home. */
function startHomeless(
  fixture: Fixture,
  env: Readonly<Record<string, string>>,
): Promise<RunResult> {
  const command = [fixture.pack, "x"];
  const all = { env: { ...BASE_ENV, ...env } };
  return IS_ROOT ? runCommand(command, { ...all, uid: STRANGER }) : runCommand(
    ["unshare", `--map-user=${STRANGER}`, "--", ...command],
    all,
  );
}

Deno.test("without a home directory the cache is a private one in TMPDIR, with one note for who asks", async (t) => {
  using fixture = new Fixture();
  const cache = `flavor-${STRANGER}`;
  for (
    const [name, env] of Object.entries({
      "no HOME": {},
      "HOME=/": { HOME: "/" },
    })
  ) {
    await t.step(name, async () => {
      const TMPDIR = fixture.temporary(name.replace("/", "root"), 0o1777);
      assertEquals(await startHomeless(fixture, { ...env, TMPDIR }), STARTED);
      const tree = cacheTree(TMPDIR);
      for (const folder of ["", "locks/", "workenv/"]) {
        assert(tree.includes(`${cache}/${folder} 700`), tree.join("\n"));
      }
      assertEquals(readdirSync(TMPDIR), [cache]);

      const noted = await startHomeless(fixture, {
        ...env,
        TMPDIR,
        FLAVOR_LOG_LEVEL: "info",
      });
      assertEquals(noted.code, 0);
      const notes = noted.stderr.split("\n").filter((line) =>
        line.includes("no home directory")
      );
      assertEquals(notes.length, 1, noted.stderr);
      assertStringIncludes(notes[0] ?? "", `${TMPDIR}/${cache}`);
    });
  }
});

Deno.test("without a home directory nothing of somebody else's is trusted", async (t) => {
  using fixture = new Fixture();
  const refused = async (TMPDIR: string, where: string): Promise<void> => {
    assertRefusal(await startHomeless(fixture, { TMPDIR }), {
      code: "cache/insecure",
      where,
    });
  };
  await t.step("a TMPDIR where anybody can replace it", async () => {
    const temporary = fixture.temporary("open", 0o777);
    await refused(temporary, temporary);
    assertEquals(readdirSync(temporary), []);
  });
  await t.step("a directory that was there before", async () => {
    const temporary = fixture.temporary("taken", 0o1777);
    const cache = `${temporary}/flavor-${STRANGER}`;
    mkdirSync(cache);
    chmodSync(cache, 0o777);
    await refused(temporary, cache);
    assertEquals(readdirSync(cache), []);
  });
  await t.step("a link to one", async () => {
    const temporary = fixture.temporary("linked", 0o1777);
    symlinkSync(
      fixture.directory("theirs", 0o700),
      `${temporary}/flavor-${STRANGER}`,
    );
    await refused(temporary, "theirs");
  });
});

Deno.test("a HOME that belongs to somebody else is refused, not worked around", async () => {
  using fixture = new Fixture();
  const home = IS_ROOT ? fixture.join("home") : "/root";
  if (IS_ROOT) mkdirSync(home, { mode: 0o700 });

  const result = await fixture.start({ HOME: home });

  assertRefusal(result, { code: "cache/unavailable", where: home });
});

Deno.test("a cache root that belongs to somebody else is refused", async () => {
  using fixture = new Fixture();
  const cache = IS_ROOT ? fixture.join("cache") : "/usr";
  if (IS_ROOT) mkdirSync(cache, { mode: 0o755 });

  const result = await fixture.start({ FLAVOR_CACHE: cache });

  assertRefusal(result, {
    code: "cache/insecure",
    where: cache,
    says: /belongs to user 0/,
  });
});

Deno.test("a cache root that others can write is refused and left empty", async (t) => {
  using fixture = new Fixture();
  for (const mode of [0o777, 0o775, 0o702, 0o1777]) {
    await t.step(mode.toString(8), async () => {
      const cache = fixture.directory(`cache-${mode}`, mode);
      const result = await fixture.start({ FLAVOR_CACHE: cache });
      assertRefusal(result, {
        code: "cache/insecure",
        where: cache,
        says: /others can write/,
      });
      assertEquals(cacheTree(cache), []);
    });
  }
});

Deno.test("a workenv folder that others can write is refused", async () => {
  using fixture = new Fixture();
  const cache = fixture.directory("cache", 0o700);
  fixture.directory("cache/workenv", 0o777);

  const result = await fixture.start({ FLAVOR_CACHE: cache });

  assertRefusal(result, { code: "cache/insecure", where: `${cache}/workenv` });
});

Deno.test("a parent that cannot be written makes the cache unavailable", async () => {
  using fixture = new Fixture();
  const cache = `${fixture.directory("parent", 0o555)}/cache`;

  const result = await fixture.start({ FLAVOR_CACHE: cache });

  assertRefusal(result, {
    code: "cache/unavailable",
    where: cache,
    says: /denied/i,
  });
});

Deno.test("a file where the cache root should be is an error that names it", async () => {
  using fixture = new Fixture();
  const cache = fixture.join("cache");
  writeFileSync(cache, "");

  const result = await fixture.start({ FLAVOR_CACHE: cache });

  assertRefusal(result, {
    code: "cache/unavailable",
    where: cache,
    says: /not a directory/,
  });
});

Deno.test("a relative FLAVOR_CACHE is an error", async () => {
  using fixture = new Fixture();

  const result = await fixture.start({ FLAVOR_CACHE: "cache" });

  assertRefusal(result, {
    code: "cache/unavailable",
    where: "FLAVOR_CACHE",
    says: /absolute/,
  });
});

Deno.test("a symbolic link as cache root is followed once", async (t) => {
  using fixture = new Fixture();
  const link = (name: string, target: string): string => {
    symlinkSync(target, fixture.join(name));
    return fixture.join(name);
  };
  await t.step("to a directory of ours", async () => {
    const target = fixture.directory("ours", 0o700);
    const cache = link("to-ours", target);
    assertEquals(await fixture.start({ FLAVOR_CACHE: cache }), STARTED);
    assertNotEquals(cacheTree(target), []);
  });
  await t.step("to a directory that others can write", async () => {
    const cache = link("to-open", fixture.directory("open", 0o777));
    const result = await fixture.start({ FLAVOR_CACHE: cache });
    assertRefusal(result, { code: "cache/insecure", where: cache });
  });
  await t.step("to nothing", async () => {
    const cache = link("to-nothing", fixture.join("nothing"));
    const result = await fixture.start({ FLAVOR_CACHE: cache });
    assertRefusal(result, { code: "cache/unavailable", where: cache });
    assertEquals(existsSync(fixture.join("nothing")), false);
  });
});

Deno.test("the umask changes neither the cache nor what the program inherits", async (t) => {
  using fixture = new Fixture();
  const usual = fixture.directory("usual", 0o700);
  await fixture.start({ FLAVOR_CACHE: usual });
  const tells = fixture.join("tells.psp");
  writeSamplePackage(tells, {
    name: "tells",
    files: 1,
    setup: [],
    command: "sh -c umask",
  });

  for (const mask of ["0000", "0022", "0077", "0777"]) {
    await t.step(mask, async () => {
      const cache = fixture.directory(`cache-${mask}`, 0o700);
      const env = { ...BASE_ENV, FLAVOR_CACHE: cache };
      const start = (pack: string): Promise<RunResult> =>
        runCommand(["sh", "-c", `umask ${mask}; exec "$0" x`, pack], {
          env,
          ...ORDINARY,
        });
      assertEquals(await start(fixture.pack), STARTED);
      assertEquals(cacheTree(cache), cacheTree(usual));
      // Cold and warm.
      for (const _ of [1, 2]) {
        assertEquals((await start(tells)).stdout, `${mask}\n`);
      }
    });
  }
});

Deno.test("a cache root of any name serves", async (t) => {
  using fixture = new Fixture();
  const long = "n".repeat(200);
  const names = [
    "with space",
    "quo'te\"d",
    "new\nline",
    "$HOME `x` *",
    "käse-日本",
    `${long}/${long}`,
    "{slot:0}",
  ];
  for (const name of names) {
    await t.step(JSON.stringify(name.slice(0, 20)), async () => {
      const cache = fixture.directory(name.split("/")[0] ?? "", 0o700) +
        (name.includes("/") ? `/${long}` : "");
      for (const _ of [1, 2]) {
        assertEquals(await fixture.start({ FLAVOR_CACHE: cache }), STARTED);
      }
    });
  }
  await t.step("not UTF-8", async () => {
    const parent = fixture.directory("bytes", 0o700);
    const script = `FLAVOR_CACHE=$(printf '%s/\\377' "$1") exec "$0" x`;
    const run = (): Promise<RunResult> =>
      runCommand(["sh", "-c", script, fixture.pack, parent], ORDINARY);
    for (const _ of [1, 2]) assertEquals(await run(), STARTED);
  });
});

Deno.test("a name that is too long for the file system is an error", async () => {
  using fixture = new Fixture();
  const cache = fixture.directory("cache", 0o700) + `/${"n".repeat(300)}`;

  const result = await fixture.start({ FLAVOR_CACHE: cache });

  assertRefusal(result, {
    code: "cache/unavailable",
    where: cache,
    says: /too long/i,
  });
});
