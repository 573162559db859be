import { assertEquals, assertMatch } from "@std/assert";
import { chmodSync, mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { assertRefusal } from "./support/assert_refusal.ts";
import { cacheTree } from "./support/cache_tree.ts";
import { filledTree } from "./support/assert_cache.ts";
import { canMount, inMountNamespace } from "./support/mount_namespace.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { ORDINARY, removeTree, Scratch } from "./support/scratch.ts";

const STARTED: RunResult = {
  code: 0,
  stdout: sampleOutput("argument"),
  stderr: "",
};

// The same errors are injected in injected_error_test.ts; here the kernel makes them itself.
if (await canMount()) {
  Deno.test("a full disk stops the first start with a clear error, and the next one works", async (t) => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    writeSamplePackage(pack);
    // The first start finds the disk all but full, the second one does not.
    const script = `
      mount -t tmpfs -o size=8m,nr_inodes=300,mode=700 tmpfs "$2"
      mkdir "$2/ballast"
      eval "$3"
      "$1" argument 2>&1 && exit 99; code=$?
      find "$2" -name launch | grep . && exit 98
      rm -r "$2/ballast"
      "$1" argument >&2 || exit 97
      exit $code`;
    const fill = (kilobytes: number): string =>
      `head -c ${kilobytes}k /dev/zero >"$2/ballast/big"`;
    const useUp = (inodes: number): string =>
      `i=0; while [ $i -lt ${inodes} ]; do mkdir "$2/ballast/$i"; i=$((i+1)); done`;
    const ballasts: Readonly<Record<string, string>> = {
      "200 KiB are left": fill(8192 - 200),
      "800 KiB are left": fill(8192 - 800),
      "eight files are left": useUp(290),
      "30 files are left": useUp(268),
    };
    for (const [name, ballast] of Object.entries(ballasts)) {
      await t.step(name, async () => {
        const disk = scratch.join("disk");
        mkdirSync(disk, { recursive: true });
        const cache = join(disk, "cache");
        const { code, stdout, stderr } = await runCommand(
          inMountNamespace(script, pack, disk, ballast),
          { env: { ...BASE_ENV, FLAVOR_CACHE: cache } },
        );
        // The script sends the refusal to stdout and the second start to stderr.
        assertEquals(stderr, sampleOutput("argument"), stdout);
        assertRefusal({ code, stdout: "", stderr: stdout }, {
          code: "io/no-space",
          where: cache,
          says: /no space left/i,
        });
      });
    }
  });

  Deno.test("a cache where programs may not be started is refused before it is filled", async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    writeSamplePackage(pack);
    const cache = scratch.join("cache");
    mkdirSync(cache);
    const script =
      `mount -t tmpfs -o noexec,mode=700 tmpfs "$FLAVOR_CACHE"; exec "$1" argument`;

    const result = await runCommand(inMountNamespace(script, pack), {
      env: { ...BASE_ENV, FLAVOR_CACHE: cache },
    });

    assertRefusal(result, {
      code: "cache/unavailable",
      where: cache,
      says: /noexec/,
    });
  });

  Deno.test("a cache on a read-only file system starts what it holds and refuses the rest", async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    writeSamplePackage(pack);
    const cache = scratch.join("cache");
    await filledTree(pack, cache);
    const empty = scratch.join("empty");
    mkdirSync(empty, { mode: 0o700 });
    const script = `mount --bind "$FLAVOR_CACHE" "$FLAVOR_CACHE"
      mount -o remount,bind,ro "$FLAVOR_CACHE"; exec "$1" argument`;
    const start = (root: string): Promise<RunResult> =>
      runCommand(inMountNamespace(script, pack), {
        env: { ...BASE_ENV, FLAVOR_CACHE: root },
      });

    assertEquals(await start(cache), STARTED);
    assertRefusal(await start(empty), {
      code: "cache/unavailable",
      where: empty,
      says: /read-only/i,
    });
  });
}

Deno.test("a limit on the size of files stops the first start, and the next one works", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack);
  const whole = await filledTree(pack, scratch.join("whole"));
  const cache = scratch.join("cache");
  const env = { ...BASE_ENV, FLAVOR_CACHE: cache };

  // 512 blocks of 512 bytes; the larger files of the sample do not fit.
  const limited = await runCommand(
    ["sh", "-c", `trap '' XFSZ; ulimit -f 512; exec "$0" argument`, pack],
    { env },
  );

  assertMatch(
    limited.stderr,
    /^error: .*\[io\/(failed|no-space)\]\n.*too large/is,
  );
  assertEquals(limited.code, 106);
  assertEquals(await runCommand([pack, "argument"], { env }), STARTED);
  assertEquals(cacheTree(cache), whole);
});

Deno.test("a filled cache without write permission starts; an empty one says what to do", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack);
  const cache = scratch.join("cache");
  const start = (root: string): Promise<RunResult> =>
    runCommand([pack, "argument"], {
      env: { ...BASE_ENV, FLAVOR_CACHE: root },
      ...ORDINARY,
    });
  assertEquals(await start(cache), STARTED);
  takeWritePermission(cache);
  const before = cacheTree(cache);
  const empty = scratch.join("empty");
  mkdirSync(empty);
  scratch.giveAway(empty);
  chmodSync(empty, 0o555);

  assertEquals(await start(cache), STARTED);
  assertEquals(cacheTree(cache), before);
  assertRefusal(await start(empty), {
    code: "cache/unavailable",
    where: empty,
  });
  removeTree(cache);
});

function takeWritePermission(path: string): void {
  for (const entry of readdirSync(path, { withFileTypes: true })) {
    if (entry.isDirectory()) takeWritePermission(join(path, entry.name));
  }
  chmodSync(path, 0o555);
}
