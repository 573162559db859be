import { assertEquals, assertStringIncludes } from "@std/assert";

import { examplePackage, sharedCache } from "./support/example_package.ts";
import { flavor, run } from "./support/processes.ts";

const env = { FLAVOR_CACHE: sharedCache(), GREETING: "fr" };

Deno.test("hello-shell starts from its package", async () => {
  const path = await examplePackage("hello-shell");
  const { code, stdout } = await run(path, ["a  b", ""], { env });
  assertEquals([code, stdout], [0, "Bonjour depuis un paquet\n[a  b]\n[]\n"]);
});

Deno.test("deno-app starts from its package with the whole runtime in it", async () => {
  const path = await examplePackage("deno-app");
  const { code, stdout, stderr } = await run(path, ["two words"], {
    env,
    cwd: "/",
  });
  assertEquals(code, 0, stderr);
  const seen = JSON.parse(stdout);
  assertEquals(seen.args, ["two words"]);
  assertEquals(seen.cwd, "/");
  assertEquals(seen.runtime, `deno ${Deno.version.deno}`);
  assertEquals(seen.env.FLAVOR_PACKAGE, "deno-app");
  assertStringIncludes(seen.env.DENO_DIR, sharedCache());
  const exit = await run(path, ["exit", "42"], { env });
  assertEquals(exit.code, 42);
});

for (const name of ["hello-shell", "static-binary", "deno-app"] as const) {
  Deno.test(`${name} verifies, inspects and extracts`, async () => {
    const path = await examplePackage(name);
    const verified = await flavor([
      "verify",
      path,
      "--level",
      "strict",
      "--json",
    ]);
    assertEquals([verified.code, JSON.parse(verified.stdout).valid], [0, true]);
    const inspected = await flavor(["inspect", path, "--json"]);
    const { package_metadata, slots } = JSON.parse(inspected.stdout);
    assertEquals(package_metadata.name, name);
    const directory = `${path}.out`;
    const extracted = await flavor(["extract-all", path, directory, "--json"]);
    assertEquals(JSON.parse(extracted.stdout).slots, slots.length);
    const again = await flavor(["extract-all", path, directory]);
    assertEquals(again.code, 5);
  });
}
