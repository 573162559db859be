/** The command line of the existing builders, and what a build leaves behind. */

import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { PSPFReader } from "@flavor/pspf/read";
import { type Outcome, run } from "../e2e/support/processes.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { firstDifference, helperPath } from "./native_builder.ts";

async function project(dir: TempDir): Promise<void> {
  await dir.write("data/file", "hello");
  await dir.write(
    "manifest.json",
    JSON.stringify({
      package: { name: "demo", version: "1" },
      execution: { command: "sh" },
      slots: [{ id: "a", source: "{workenv}/file", target: "file" }],
    }),
  );
}

async function build(
  dir: TempDir,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Outcome> {
  return await run(helperPath("builder"), args, { cwd: dir.path, env });
}

Deno.test("flavor-rs-builder tells its version, and how it is called", async () => {
  await using dir = await tempDir();
  for (const word of ["--version", "-V"]) {
    const { code, stdout } = await build(dir, [word]);
    assertEquals([code, stdout], [0, "flavor-rs-builder 0.1.0\n"]);
  }
  const help = await build(dir, ["--help"]);
  for (
    const flag of [
      ...["--manifest", "--output", "--launcher-bin", "--private-key"],
      ...["--public-key", "--key-seed", "--workenv-base", "--jobs"],
      ...["--log-level", "--version"],
    ]
  ) assertStringIncludes(help.stdout, flag);
  const wrong = await build(dir, ["--manifets", "x"]);
  assertEquals(wrong.code, 2);
  assertStringIncludes(wrong.stderr, `There is no option "--manifets"`);
  assertEquals((await build(dir, ["-m", "x"])).code, 2);
});

Deno.test("flavor-rs-builder takes words, short words, values behind = and variables alike", async () => {
  await using dir = await tempDir();
  await project(dir);
  const launcher = helperPath("launcher");
  const first = await build(dir, [
    ...["--manifest", "manifest.json", "--output", "one.psp"],
    ...["--launcher-bin", launcher, "--key-seed", "s"],
    ...["--workenv-base", "data", "--log-level", "error"],
  ]);
  assertEquals([first.code, first.stderr], [0, ""]);
  const second = await build(
    dir,
    ["-m", "manifest.json", "--output=two.psp", "--key-seed=env", "-j", "3"],
    {
      FLAVOR_LAUNCHER_BIN: launcher,
      FLAVOR_WORKENV_BASE: dir.at("data"),
      FLAVOR_KEY_SEED: "s",
      FLAVOR_LOG_LEVEL: "json:debug",
    },
  );
  assertEquals(second.code, 0, second.stderr);
  assertStringIncludes(second.stderr, "packed two.psp");
  const [one, two] = await Promise.all(
    ["one.psp", "two.psp"].map((name) => Deno.readFile(dir.at(name))),
  );
  assertEquals(
    firstDifference(one ?? new Uint8Array(), two ?? new Uint8Array()),
    undefined,
  );
});

Deno.test("flavor-rs-builder signs with a key of its own where none is given, and says so", async () => {
  await using dir = await tempDir();
  await project(dir);
  const keys: string[] = [];
  for (const output of ["one.psp", "two.psp"]) {
    const { code, stderr } = await build(dir, [
      ...["-m", "manifest.json", "-o", output, "--workenv-base", "data"],
      ...["--launcher-bin", helperPath("launcher")],
    ]);
    assertEquals(code, 0);
    assertStringIncludes(stderr, "proves integrity, not origin");
    await using opened = await PSPFReader.open(dir.at(output));
    keys.push(opened.publicKey.toHex());
  }
  assert(keys[0] !== keys[1]);
  assertEquals(((await Deno.stat(dir.at("one.psp"))).mode ?? 0) & 0o777, 0o755);
});

Deno.test("flavor-rs-builder leaves nothing that stays when it is killed, and the package of before", async () => {
  await using dir = await tempDir();
  const block = crypto.getRandomValues(new Uint8Array(65_536));
  const file = await Deno.open(dir.at("large"), { create: true, write: true });
  for (let count = 0; count < 1200; count++) await file.write(block);
  file.close();
  await dir.write(
    "flavor.toml",
    `package = { name = "demo", version = "1" }
execution = { command = "sh" }
slots = [{ id = "a", source = "large", target = "a", operations = "xz" }]
`,
  );
  await dir.write("out/demo.psp", "the package of before");
  const words = [
    ...["-m", "flavor.toml", "-o", "out/demo.psp", "--key-seed", "s"],
    ...["--launcher-bin", helperPath("launcher")],
  ];
  const names = (): string[] =>
    [...Deno.readDirSync(dir.at("out"))].map(({ name }) => name).sort();
  const child = new Deno.Command(helperPath("builder"), {
    args: words,
    cwd: dir.path,
    stdin: "null",
    stdout: "null",
    stderr: "null",
  }).spawn();
  for (let tries = 0; names().length < 2 && tries < 2000; tries++) {
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  child.kill("SIGKILL");
  assertEquals((await child.status).signal, "SIGKILL");
  assertEquals(names().length, 2);
  assertEquals(
    await Deno.readTextFile(dir.at("out/demo.psp")),
    "the package of before",
  );
  await dir.write("large", "small by now");
  assertEquals((await build(dir, words)).code, 0);
  assertEquals(names(), ["demo.psp"]);
});
