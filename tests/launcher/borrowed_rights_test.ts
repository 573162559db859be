import { assertEquals } from "@std/assert";
import { chmodSync, existsSync } from "node:fs";
import { assertRefusal } from "./support/assert_refusal.ts";
import { BASE_ENV, runCommand } from "./support/run_command.ts";
import { sampleOutput, writeSamplePackage } from "./support/sample_package.ts";
import { IS_ROOT, ORDINARY, Scratch } from "./support/scratch.ts";

Deno.test("a setuid package refuses to lend its owner's rights", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack, { files: 2, setup: [] });
  chmodSync(pack, 0o4755);
  const log = scratch.join("log");
  const env = {
    ...BASE_ENV,
    FLAVOR_CACHE: scratch.join("cache"),
    FLAVOR_LOG_LEVEL: "debug",
    FLAVOR_LOG_PATH: log,
  };

  const result = await runCommand([pack, "x"], { env, ...ORDINARY });

  if (IS_ROOT) {
    assertRefusal(result, { code: "run/cannot-execute", where: "setuid" });
    assertEquals(existsSync(log), false);
  } else {
    // Nobody but root can give a file to somebody else: the owner's rights are ours.
    assertEquals(result.stdout, sampleOutput("x"));
  }
});
