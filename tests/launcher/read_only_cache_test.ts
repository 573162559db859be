import { assertEquals } from "@std/assert";
import { filledTree } from "./support/assert_cache.ts";
import { cacheTree } from "./support/cache_tree.ts";
import { canMount, inMountNamespace } from "./support/mount_namespace.ts";
import { BASE_ENV, runCommand } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { Scratch } from "./support/scratch.ts";

if (await canMount()) {
  Deno.test("a filled cache on a read-only file system serves every later start", async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    const cache = scratch.join("cache");
    writeSamplePackage(pack, { files: 2 });
    const whole = await filledTree(pack, cache);

    const run = await runCommand(
      inMountNamespace(
        'mount --bind "$1" "$1"; mount -o remount,bind,ro "$1"; ! touch "$1/x" 2>&-; exec "$2" argument',
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
}
