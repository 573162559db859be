import { assertEquals, assertNotEquals } from "@std/assert";

import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { run } from "./support/processes.ts";
import { flavorCommand } from "./support/processes.ts";

const FILES: readonly (readonly [string, string])[] = [
  ["app/run.sh", "#!/bin/sh\necho run\n"],
  ["app/data/ä.txt", "umlaut\n"],
  ["app/data/z", "last\n".repeat(10_000)],
  ["app/B", "upper\n"],
  ["app/a", "lower\n"],
  ["single", "x".repeat(100_000)],
];

const MANIFEST = `
[package]
name = "reproducible"
version = "1.0.0"

[execution]
command = "{workenv}/app/run.sh"

[[slots]]
id = "app"
source = "app"
target = "app"

[[slots]]
id = "single"
source = "single"
target = "single"
permissions = "0644"
`;

interface Circumstances {
  readonly umask: string;
  readonly reversed: boolean;
  readonly mtime: Date;
  readonly env: Readonly<Record<string, string>>;
  readonly jobs: number;
}

async function build(dir: TempDir, how: Circumstances): Promise<Uint8Array> {
  const files = how.reversed ? FILES.toReversed() : FILES;
  for (const [path, text] of files) {
    await dir.write(path, text, path.endsWith(".sh") ? 0o755 : 0o644);
    await Deno.utime(dir.at(path), how.mtime, how.mtime);
  }
  for (const path of ["app", "app/data"]) await Deno.chmod(dir.at(path), 0o755);
  await dir.write("flavor.toml", MANIFEST);
  const [program, args] = flavorCommand([
    "pack",
    "-C",
    dir.path,
    "--key-seed",
    "reproducible",
    "--jobs",
    String(how.jobs),
  ]);
  const { code, stderr } = await run(
    "sh",
    ["-c", `umask ${how.umask}; exec "$@"`, "sh", program, ...args],
    { env: how.env },
  );
  assertEquals(code, 0, stderr);
  return await Deno.readFile(dir.at("dist", "reproducible.psp"));
}

const ONE: Circumstances = {
  umask: "022",
  reversed: false,
  mtime: new Date(0),
  env: { TZ: "UTC", LC_ALL: "C", SOURCE_DATE_EPOCH: "" },
  jobs: 1,
};

Deno.test("pack gives the same bytes in another directory, order, zone, locale, umask and time", async () => {
  await using one = await tempDir();
  await using other = await tempDir();
  const first = await build(one, ONE);
  const second = await build(other, {
    umask: "077",
    reversed: true,
    mtime: new Date("2024-02-29T12:00:00Z"),
    env: {
      TZ: "Pacific/Auckland",
      LC_ALL: "tr_TR.UTF-8",
      SOURCE_DATE_EPOCH: "",
    },
    jobs: 2,
  });
  assertEquals(first, second);
});

Deno.test("pack takes its time from SOURCE_DATE_EPOCH alone", async () => {
  await using one = await tempDir();
  await using other = await tempDir();
  const first = await build(one, ONE);
  const second = await build(other, {
    ...ONE,
    env: { SOURCE_DATE_EPOCH: "1700000000" },
  });
  assertNotEquals(first, second);
});

Deno.test("pack never packs the package that it wrote before", async () => {
  await using dir = await tempDir();
  await dir.write("hello", "#!/bin/sh\n", 0o755);
  await dir.write(
    "flavor.toml",
    `package = { name = "self", version = "1" }
execution = { command = "{workenv}/hello" }
slots = [{ id = "all", source = ".", target = "" }]
`,
  );
  const pack = async (): Promise<Uint8Array> => {
    const [program, args] = flavorCommand([
      "pack",
      "-C",
      dir.path,
      "--key-seed",
      "s",
    ]);
    const { code, stderr } = await run(program, args);
    assertEquals(code, 0, stderr);
    return await Deno.readFile(dir.at("dist", "self.psp"));
  };
  await Deno.mkdir(dir.at("dist"));
  assertEquals(await pack(), await pack());
});
