import { assertEquals } from "@std/assert";
import { chmodSync, mkdirSync } from "node:fs";
import { assertRefusal } from "./support/assert_refusal.ts";
import { canMount, inMountNamespace } from "./support/mount_namespace.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { IS_ROOT, Scratch } from "./support/scratch.ts";

/** Something else where `/proc` was, as in a bare chroot, and then a command in the package's directory. */
const NO_PROC = 'mount -t tmpfs tmpfs /proc; cd "$1"; shift; exec "$@"';

const STARTED: RunResult = {
  code: 0,
  stdout: sampleOutput("argument"),
  stderr: "",
};

if (await canMount()) {
  Deno.test("without /proc a package starts by the name that the kernel was given, cold and warm", async (t) => {
    using scratch = new Scratch();
    const directory = scratch.join("bin");
    mkdirSync(directory);
    const pack = `${directory}/sample.psp`;
    writeSamplePackage(pack, { files: 2 });
    for (const name of [pack, "./sample.psp", "../bin/sample.psp"]) {
      await t.step(name === pack ? "whole path" : name, async () => {
        const env = {
          ...BASE_ENV,
          FLAVOR_CACHE: `${scratch.path}/c${name.length}`,
        };
        const command = inMountNamespace(NO_PROC, directory, name, "argument");
        for (const _ of ["cold", "warm"]) {
          assertEquals(await runCommand(command, { env }), STARTED);
        }
      });
    }
    await t.step("found in PATH", async () => {
      const env = {
        PATH: `${directory}:${BASE_ENV["PATH"]}`,
        FLAVOR_CACHE: scratch.join("path"),
      };
      const command = inMountNamespace(NO_PROC, "/", "sample.psp", "argument");
      for (const _ of ["cold", "warm"]) {
        assertEquals(await runCommand(command, { env }), STARTED);
      }
    });
  });
}

if (IS_ROOT && await canMount()) {
  Deno.test("without /proc a package that may not be read says what is missing", async () => {
    using scratch = new Scratch();
    const pack = scratch.join("sample.psp");
    writeSamplePackage(pack, { files: 2 });
    chmodSync(pack, 0o711);
    const script =
      'mount -t tmpfs tmpfs /proc; exec setpriv --reuid 65534 --clear-groups "$1"';

    const result = await runCommand(inMountNamespace(script, pack), {
      env: { ...BASE_ENV, FLAVOR_CACHE: scratch.join("cache") },
    });

    assertRefusal(result, {
      code: "io/denied",
      where: pack,
      says: /hint: mount \/proc/,
    });
  });
}
