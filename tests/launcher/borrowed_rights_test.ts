import { assertEquals } from "@std/assert";
import { chmodSync, copyFileSync, existsSync } from "node:fs";
import { assertRefusal } from "./support/assert_refusal.ts";
import { BASE_ENV, runCommand, type RunResult } from "./support/run_command.ts";
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

/** Lends `cap_net_bind_service`, effective and permitted, to the file that is its argument. */
const LEND = `
import os, sys
value = bytes.fromhex("0100000200040000000000000000000000000000")
os.setxattr(sys.argv[1], "security.capability", value)
`;

/** Whether files here can have capabilities. */
async function canLend(scratch: Scratch): Promise<boolean> {
  const file = scratch.join("lends");
  copyFileSync("/bin/true", file);
  return IS_ROOT && (await lend(file)).code === 0;
}

function lend(file: string): Promise<RunResult> {
  return runCommand(["python3", "-c", LEND, file]);
}

Deno.test("a package with capabilities of its own refuses to lend them", async () => {
  using scratch = new Scratch();
  const pack = scratch.join("sample.psp");
  writeSamplePackage(pack, { files: 2, setup: [] });
  const env = { ...BASE_ENV, FLAVOR_CACHE: scratch.join("cache") };
  const lends = await canLend(scratch);
  if (lends) assertEquals((await lend(pack)).code, 0);

  const result = await runCommand([pack, "x"], { env, ...ORDINARY });

  if (lends) {
    assertRefusal(result, {
      code: "run/cannot-execute",
      where: "capabilities",
    });
    assertEquals(existsSync(scratch.join("cache")), false);
  } else {
    // Nobody but root can give a file a capability.
    assertEquals(result.stdout, sampleOutput("x"));
  }
});
