import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { filledTree } from "./support/assert_cache.ts";
import { assertRefusal } from "./support/assert_refusal.ts";
import { cacheTree } from "./support/cache_tree.ts";
import { canMount, inMountNamespace } from "./support/mount_namespace.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";

const READ_ONLY =
  'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; ! touch "$1/x" 2>&-; exec "$2" argument';

if (await canMount()) {
  Deno.test("a filled cache on a read-only file system serves every later start", async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    const cache = scratch.join("cache");
    writeSamplePackage(pack, { files: 2 });
    const whole = await filledTree(pack, cache);

    const run = await runCommand(
      inMountNamespace(
        READ_ONLY,
        cache,
        pack,
      ),
      { env: { ...BASE_ENV, FLAVOR_CACHE: cache } },
    );

    assertEquals(run, {
      code: 0,
      stdout: sampleOutput("argument"),
      stderr: "",
    });
    assertEquals(cacheTree(cache), whole);
  });

  Deno.test("where nothing can be remembered, a file that is not known has to be sealed, and no more", async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    const cache = scratch.join("cache");
    writeSamplePackage(pack, { files: 2, setup: [] });
    const whole = await filledTree(pack, cache);
    const bytes = readFileSync(pack);
    const spoil = (name: string, at: number): string => {
      const copy = scratch.join(name);
      const changed = Buffer.from(bytes);
      changed.writeUInt8(changed.readUInt8(at) ^ 1, at);
      writeFileSync(copy, changed);
      chmodSync(copy, 0o755);
      return copy;
    };
    const slot = spoil("slot.psp", bytes.lastIndexOf("key = 1\n"));
    // In the seal's signature of the index block.
    const seal = spoil("seal.psp", bytes.length - 4096);
    const start = (copy: string, more = {}): Promise<RunResult> =>
      runCommand(inMountNamespace(READ_ONLY, cache, copy), {
        env: { ...BASE_ENV, FLAVOR_CACHE: cache, ...more },
      });

    assertEquals((await start(slot)).code, 0);
    const refused = await start(seal);
    assert([102, 107].includes(refused.code), refused.stderr);
    assertEquals(refused.stdout, "");
    assertRefusal(await start(slot, { FLAVOR_RECHECK: "always" }), {
      code: "verify/slot-digest",
      where: "slot",
    });
    assertEquals(cacheTree(cache), whole);
  });
}
