import { assertEquals, assertStringIncludes } from "@std/assert";

import { cli } from "../support/captured_host.ts";
import { tempDir } from "../support/temp_dir.ts";

const MANIFEST = `
[package]
name = "plan"
version = "1.0.0"

[execution]
command = "{workenv}/bin/large"

[[slots]]
id = "small"
source = "small"
target = "bin/small"

[[slots]]
id = "large"
source = "large"
target = "bin/large"

[[slots]]
id = "tree"
source = "tree"
target = "share"
exclude = ["*.log"]
`;

/** The start of an ELF file for x86-64, with or without the marker of our launcher. */
function launcher(marker: string): Uint8Array {
  const bytes = new Uint8Array(256);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  bytes[18] = 62;
  bytes.set(new TextEncoder().encode(marker), 64);
  return bytes;
}

const OURS = "flavor-rs-launcher/1 pspf-2025 ops=none,tar,gzip,zstd;";

async function planWith(marker: string): Promise<Record<string, unknown>> {
  await using dir = await tempDir();
  await dir.write("flavor.toml", MANIFEST);
  await dir.write("launcher", launcher(marker));
  await dir.write("small", "#!/bin/sh\n");
  await dir.write("large", "x".repeat(10_000));
  await dir.write("tree/a", "12345");
  await dir.write("tree/b.log", "left out");
  const { code, out, err } = await cli(
    [
      "pack",
      "--dry-run",
      "--no-preflight",
      "--launcher-bin",
      "launcher",
      "--json",
    ],
    { cwd: dir.path },
  );
  assertEquals(code, 0, err);
  const names = await Array.fromAsync(Deno.readDir(dir.path));
  assertEquals(names.length, 5, "nothing was written");
  return JSON.parse(out);
}

Deno.test("pack --dry-run names the operations, files and sizes that would be packed", async () => {
  const plan = await planWith(OURS);
  const slots = plan["slots"] as readonly Record<string, unknown>[];
  assertEquals(plan["portable"], false);
  assertEquals(
    slots.map((slot) => [
      slot["id"],
      slot["operations"],
      slot["files"],
      slot["content_size"],
    ]),
    [
      ["small", "raw", 1, 10],
      ["large", "zstd", 1, 10_000],
      ["tree", "tar.zst", 1, 5],
    ],
  );
});

Deno.test("pack --dry-run says that a foreign launcher asks for the portable profile", async () => {
  const plan = await planWith("");
  const slots = plan["slots"] as readonly Record<string, unknown>[];
  assertEquals(plan["portable"], true);
  assertEquals(slots.map(({ operations }) => operations), [
    "raw",
    "gzip",
    "tar.gz",
  ]);
});

Deno.test("pack names the same number of files and bytes as pack --dry-run", async () => {
  await using dir = await tempDir();
  await dir.write("flavor.toml", MANIFEST);
  await dir.write("launcher", launcher(OURS));
  await dir.write("small", "1");
  await dir.write("large", "x".repeat(10_000));
  await dir.write("tree/a", "12345");
  const pack = async (...flags: readonly string[]): Promise<string> =>
    (await cli(
      ["pack", "--no-preflight", "--launcher-bin", "launcher", ...flags],
      { cwd: dir.path },
    )).out;
  const numbers = (out: string): unknown =>
    JSON.parse(out).slots.map((slot: Record<string, unknown>) => [
      slot["id"],
      slot["files"],
      slot["content_size"],
    ]);
  const planned = numbers(await pack("--dry-run", "--json"));
  assertEquals(planned, [["small", 1, 1], ["large", 1, 10_000], [
    "tree",
    1,
    5,
  ]]);
  assertEquals(numbers(await pack("--json")), planned);
  const plan = await pack("--dry-run");
  const packed = await pack();
  for (const size of ["1 B", "9.8 KiB", "5 B"]) {
    assertStringIncludes(plan, ` ${size} `);
    assertStringIncludes(packed, ` ${size}  ->`);
  }
});
