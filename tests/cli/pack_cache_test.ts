import { assertEquals, assertStringIncludes } from "@std/assert";

import { cli } from "../support/captured_host.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const MANIFEST = `
package = { name = "demo", version = "1" }
execution = { command = "true" }
slots = [
  { id = "one", source = "one.txt", target = "one" },
  { id = "two", source = "two.txt", target = "two" },
]
`;

/** Enough of an ELF header to be taken for a launcher of ours. */
function launcher(): Uint8Array {
  const bytes = new Uint8Array(4096);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes.set([2, 0, 0x3e, 0], 16);
  const marker = "flavor-rs-launcher/1 pspf-2025 ops=raw,tar,gzip,zstd;";
  bytes.set(new TextEncoder().encode(marker), 1024);
  return bytes;
}

async function project(): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write("flavor.toml", MANIFEST);
  await dir.write("launcher", launcher(), 0o755);
  await dir.write("one.txt", "one\n".repeat(9000));
  await dir.write("two.txt", "two\n".repeat(9000));
  return dir;
}

async function pack(
  dir: TempDir,
  output: string,
  flags: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Uint8Array> {
  const { code, err } = await cli(
    [
      ...["pack", "--key-seed", "test", "--launcher-bin", "launcher"],
      ...["--output", output, ...flags],
    ],
    { cwd: dir.path, env },
  );
  assertEquals(code, 0, err);
  return await Deno.readFile(dir.at(output));
}

async function entries(dir: TempDir): Promise<number> {
  let count = 0;
  for await (const { name } of Deno.readDir(dir.at("cache", "blocks-1"))) {
    const names = Deno.readDir(dir.at("cache", "blocks-1", name));
    count += (await Array.fromAsync(names)).length;
  }
  return count;
}

Deno.test("pack --cache-dir gives the same package, and keeps one entry per block", async () => {
  await using dir = await project();
  const clean = await pack(dir, "clean.psp", []);
  assertEquals(await pack(dir, "a.psp", ["--cache-dir", "cache"]), clean);
  assertEquals(await pack(dir, "b.psp", ["--cache-dir", "cache"]), clean);
  assertEquals(await entries(dir), 2);
  await dir.write("one.txt", "uno\n".repeat(9000));
  const changed = await pack(dir, "c.psp", [], { FLAVOR_SLOT_CACHE: "cache" });
  assertEquals(await entries(dir), 3);
  assertEquals(changed, await pack(dir, "d.psp", []));
});

Deno.test("pack --cache-size bounds what is kept", async () => {
  await using dir = await project();
  await pack(dir, "a.psp", ["--cache-dir", "cache", "--cache-size", "1"]);
  assertEquals(await entries(dir), 0);
  const { code, err } = await cli(
    [
      ...["pack", "--launcher-bin", "launcher"],
      ...["--cache-dir", "cache", "--cache-size", "lots"],
    ],
    { cwd: dir.path },
  );
  assertEquals(code, 2, err);
  assertStringIncludes(err, "lots");
});
