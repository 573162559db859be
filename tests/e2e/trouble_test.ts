import { assertEquals, assertStringIncludes } from "@std/assert";
import { fromFileUrl } from "@std/path";

import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { flavor, flavorCommand, run } from "./support/processes.ts";

const GOLDEN = fromFileUrl(
  new URL("../vectors/golden.psp", import.meta.url),
);

async function writeProject(dir: TempDir, name = "trouble"): Promise<void> {
  await dir.write("noise", crypto.getRandomValues(new Uint8Array(60_000)));
  await dir.write(
    "flavor.toml",
    `package = { name = ${JSON.stringify(name)}, version = "1" }
execution = { command = "true" }
slots = [{ id = "noise", source = "noise", target = "noise", operations = "raw" }]
`,
  );
}

function names(path: string): string[] {
  return [...Deno.readDirSync(path)].map(({ name }) => name).sort();
}

Deno.test("pack on a full disk says so and leaves nothing", async () => {
  await using dir = await tempDir();
  await writeProject(dir);
  await Deno.mkdir(dir.at("out"));
  const [program, args] = flavorCommand([
    "pack",
    "-C",
    dir.path,
    "-o",
    "out/trouble.psp",
    "--json",
  ]);
  // A limit of 64 blocks of 512 or 1024 bytes stands in for the full disk; the
  // launcher alone is larger than that.
  const script = 'trap "" XFSZ; ulimit -f 64; exec "$@"';
  const { code, stdout, stderr } = await run(
    "sh",
    ["-c", script, "sh", program, ...args],
    { env: { DENO_NO_UPDATE_CHECK: "1" } },
  );
  assertEquals([code, stdout], [5, ""], stderr);
  assertEquals(JSON.parse(stderr).error.code, "io/no-space");
  assertEquals(names(dir.at("out")), []);
});

Deno.test("verify that cannot print its result says so, and is no success", async () => {
  const [program, args] = flavorCommand(["verify", GOLDEN]);
  const { code, stderr } = await run("sh", [
    "-c",
    'exec "$@" >/dev/full',
    "sh",
    program,
    ...args,
  ], { env: { DENO_NO_UPDATE_CHECK: "1" } });
  assertEquals(code, 5, stderr);
  assertStringIncludes(stderr, "Cannot write to standard output: no space");
});

Deno.test("an error that cannot be printed keeps its exit code", async () => {
  const [program, args] = flavorCommand(["nonsense"]);
  const { code } = await run(
    "sh",
    ["-c", 'exec "$@" 2>/dev/full', "sh", program, ...args],
    { env: { DENO_NO_UPDATE_CHECK: "1" } },
  );
  assertEquals(code, 2);
});

Deno.test("pack into a place that is no directory says so", async () => {
  await using dir = await tempDir();
  await writeProject(dir);
  await dir.write("file", "x");
  const { code, stderr } = await flavor([
    "pack",
    "-C",
    dir.path,
    "-o",
    "file/out.psp",
    "--json",
  ]);
  assertEquals(code, 5);
  assertEquals(JSON.parse(stderr).error.code.startsWith("io/"), true);
});

Deno.test("pack writes through odd names", async () => {
  await using dir = await tempDir();
  await writeProject(dir, "odd: name with ünïcode");
  const { code, stdout, stderr } = await flavor([
    "pack",
    "-C",
    dir.path,
    "--json",
  ]);
  assertEquals(code, 0, stderr);
  const { package: path } = JSON.parse(stdout);
  assertStringIncludes(path, dir.at("dist"));
  assertEquals(names(dir.at("dist")).length, 1);
  const named = await flavor([
    "pack",
    "-C",
    dir.path,
    "-o",
    "a b\n'\"$ü.psp",
  ]);
  assertEquals(named.code, 0, named.stderr);
  assertEquals(names(dir.path).includes("a b\n'\"$ü.psp"), true);
});

Deno.test("pack with a source that is missing names every place", async () => {
  await using dir = await tempDir();
  await writeProject(dir);
  await Deno.remove(dir.at("noise"));
  const { code, stderr } = await flavor(["pack", "-C", dir.path]);
  assertEquals(code, 5);
  assertStringIncludes(stderr, dir.at("noise"));
  assertStringIncludes(stderr, "[io/not-found]");
  assertEquals(stderr.includes("    at "), false);
});

Deno.test("pack does not write over what it is made from", async () => {
  await using dir = await tempDir();
  await writeProject(dir);
  await flavor(["keygen", "--out-dir", dir.at("keys")]);
  const key = dir.at("keys/flavor-private.key");
  await Deno.symlink(key, dir.at("link"));
  for (const output of [dir.at("noise"), dir.at("flavor.toml"), key]) {
    const before = await Deno.readFile(output);
    const { code, stderr } = await flavor(
      ["pack", "-C", dir.path, "--private-key", key, "-o", output, "--json"],
    );
    assertEquals(code, 2, stderr);
    assertEquals(JSON.parse(stderr).error.code, "usage/bad-argument");
    assertEquals(await Deno.readFile(output), before);
  }
  // The link makes way for the package, and what it leads to stays.
  const { code, stderr } = await flavor(
    ["pack", "-C", dir.path, "--private-key", key, "-o", "link", "--json"],
  );
  assertEquals(code, 0, stderr);
  assertStringIncludes(await Deno.readTextFile(key), "PRIVATE KEY");
});
