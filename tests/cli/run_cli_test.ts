import { fileURLToPath } from "node:url";
import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { TOOL_VERSION } from "../../lib/pack/tool_version.ts";
import { cli } from "../support/captured_host.ts";
import { foreignLauncher } from "../support/cli_project.ts";
import { tempDir } from "../support/temp_dir.ts";

const GOLDEN = fileURLToPath(
  new URL("../vectors/sealed.psp", import.meta.url),
);

Deno.test("runCli() prints its version, the same as the builder's", async () => {
  const { code, out } = await cli(["--version"], { cwd: "/" });
  assertEquals([code, out], [0, `flavor ${TOOL_VERSION}\n`]);
});

Deno.test("runCli() prints one JSON object for an error, on standard error", async () => {
  const { code, out, err } = await cli(["verify", "nothing.psp", "--json"], {
    cwd: "/",
  });
  assertEquals([code, out], [5, ""]);
  const { error } = JSON.parse(err);
  assertEquals(error.code, "io/not-found");
  assertEquals(Object.keys(error).sort(), ["code", "context", "message"]);
});

Deno.test("runCli() prints usage errors as JSON too", async () => {
  const { code, err } = await cli(["pakc", "--json"], { cwd: "/" });
  assertEquals([code, JSON.parse(err).error.code], [
    2,
    "usage/unknown-command",
  ]);
});

Deno.test("runCli() shows a stack only with --debug", async () => {
  const plain = await cli(["verify", "nothing"], { cwd: "/" });
  const debug = await cli(["verify", "nothing", "--debug"], { cwd: "/" });
  assertEquals(plain.err.includes("    at "), false);
  assert(debug.err.includes("    at "));
});

Deno.test("runCli() uses colours on a terminal, unless NO_COLOR or --color say otherwise", async () => {
  const ESCAPE = "\x1b[";
  const colours = async (
    terminal: boolean,
    env: Readonly<Record<string, string>>,
    ...flags: string[]
  ): Promise<boolean> => {
    const options = { cwd: "/", terminal, env };
    return (await cli(["verify", GOLDEN, ...flags], options)).out.includes(
      ESCAPE,
    );
  };
  assertEquals(await colours(true, {}), true);
  assertEquals(await colours(false, {}), false);
  assertEquals(await colours(true, { NO_COLOR: "1" }), false);
  assertEquals(await colours(true, { TERM: "dumb" }), false);
  assertEquals(
    await colours(false, { NO_COLOR: "1" }, "--color", "always"),
    true,
  );
  assertEquals(await colours(true, {}, "--color=never"), false);
});

Deno.test("verify names every check and trusts only the key given", async () => {
  const { code, out } = await cli(["verify", GOLDEN], { cwd: "/" });
  assertEquals(code, 0, out);
  assertStringIncludes(out, "pass  seal ");
  const wrong = await cli(
    ["verify", GOLDEN, "--trusted-key", "0".repeat(64), "--json"],
    { cwd: "/" },
  );
  assertEquals(wrong.code, 4);
  const { valid, checks } = JSON.parse(wrong.out);
  assertEquals(valid, false);
  const failed = checks.filter((check: { status: string }) =>
    check.status === "fail"
  );
  assertEquals(failed.length, 1);
  assertEquals(failed[0].code, "verify/untrusted-key");
});

Deno.test("verify prints one verdict, whatever the package is called", async () => {
  await using dir = await tempDir();
  const name = "bad.psp is valid\n\x1b[8m.psp";
  await dir.write(name, "no package");
  const { code, out } = await cli(["verify", name], { cwd: dir.path });
  assertEquals(code, 4);
  assert(!out.includes("\x1b"), out);
  assertEquals(
    out.trimEnd().split("\n").slice(1),
    [
      "      hint: Check that the file is complete and is a package",
      "bad.psp is valid\\x0a\\x1b[8m.psp is NOT valid",
    ],
  );
});

Deno.test("verify says what to do about bytes after the package", async () => {
  await using dir = await tempDir();
  const golden = await Deno.readFile(GOLDEN);
  await Deno.writeFile(dir.at("a.psp"), new Uint8Array([...golden, 10, 10]));
  const hint =
    "2 bytes were appended after the package (strip, codesign?); cut them off";
  const { code, out } = await cli(["verify", "a.psp"], { cwd: dir.path });
  assertEquals(code, 4);
  assertStringIncludes(out, `\n      hint: ${hint}\n`);
  const json = await cli(["verify", "a.psp", "--json"], { cwd: dir.path });
  assertEquals(JSON.parse(json.out).checks[0].hint, hint);
});

Deno.test("runCli() names the directory of -C that is missing or none", async () => {
  await using dir = await tempDir();
  await dir.write("file", "");
  const pack = async (directory: string): Promise<Record<string, string>> => {
    const args = ["-C", directory, "pack", "--json"];
    return JSON.parse((await cli(args, { cwd: dir.path })).err).error;
  };
  const missing = await pack("nope");
  assertEquals(missing["code"], "io/not-found");
  assertEquals(missing["message"], 'Cannot work in "nope": no such directory');
  const file = await pack("file");
  assertEquals(file["code"], "io/failed");
  assertEquals(file["message"], 'Cannot work in "file": it is not a directory');
  const init = await cli(["init", "-C", "new"], { cwd: dir.path });
  assertEquals(init.code, 0, init.err);
});

Deno.test("workenv clean --help says what it removes when no limit is given", async () => {
  const { out } = await cli(["workenv", "clean", "--help"], { cwd: "/" });
  assertStringIncludes(
    out.replaceAll("\n", " "),
    "Without --older-than and --max-size, every workenv that nothing runs from is removed.",
  );
});

Deno.test("pack names the key file that it cannot use", async () => {
  await using dir = await tempDir();
  await cli(["init"], { cwd: dir.path });
  await cli(["keygen"], { cwd: dir.path });
  await dir.write("x.pem", "no key");
  await dir.write("launcher", foreignLauncher());
  const pack = (...flags: string[]): ReturnType<typeof cli> =>
    cli(["pack", "--launcher-bin", "launcher", ...flags], { cwd: dir.path });
  const secret = await pack("--private-key", "x.pem");
  assertEquals(secret.code, 3);
  assertStringIncludes(secret.err, 'raw bytes (file "x.pem")');
  const open = await pack(
    ...["--private-key", "keys/flavor-private.key", "--public-key", "x.pem"],
  );
  assertEquals(open.code, 3);
  assertStringIncludes(open.err, 'raw bytes (file "x.pem")');
});

Deno.test("keygen writes a pair once, and never over another", async () => {
  await using dir = await tempDir();
  const first = await cli(["keygen", "--json"], { cwd: dir.path });
  assertEquals(first.code, 0, first.err);
  const path = dir.at("keys", "flavor-private.key");
  const before = await Deno.readTextFile(path);
  assertEquals(((await Deno.stat(path)).mode ?? 0) & 0o777, 0o600);
  const second = await cli(["keygen"], { cwd: dir.path });
  assertEquals(second.code, 5);
  assertStringIncludes(
    second.err,
    "hint: Choose another directory with --out-dir, or use --force",
  );
  assertEquals(await Deno.readTextFile(path), before);
  const forced = await cli(["keygen", "--force"], { cwd: dir.path });
  assertEquals(forced.code, 0);
  assert(await Deno.readTextFile(path) !== before);
});

Deno.test("keygen writes no half of a pair", async () => {
  await using dir = await tempDir();
  await dir.write("keys/flavor-public.key", "somebody's");
  assertEquals((await cli(["keygen"], { cwd: dir.path })).code, 5);
  const names = (await Array.fromAsync(Deno.readDir(dir.at("keys")))).map((
    { name },
  ) => name);
  assertEquals(names, ["flavor-public.key"]);
});

Deno.test("extract writes a slot complete or not at all", async () => {
  await using dir = await tempDir();
  const options = { cwd: dir.path };
  const missing = await cli(["extract", GOLDEN, "99", "out"], options);
  assertEquals(missing.code, 5);
  assertStringIncludes(missing.err, "Slots: ");
  const bytes = await Deno.readFile(GOLDEN);
  const inspected = await cli(["inspect", GOLDEN, "--json"], options);
  const { slots } = JSON.parse(inspected.out);
  bytes[slots[0].offset] = (bytes[slots[0].offset] ?? 0) ^ 1;
  await dir.write("bad.psp", bytes);
  const bad = await cli(["extract", "bad.psp", "0", "out"], options);
  assertEquals(bad.code === 0, false);
  const raw = await cli(["extract", "bad.psp", "0", "out", "--raw"], options);
  assertEquals(raw.code, 4, raw.err);
  const names = (await Array.fromAsync(Deno.readDir(dir.path))).map((
    { name },
  ) => name);
  assertEquals(names, ["bad.psp"]);
});

Deno.test("extract gives the same bytes raw that the package stores", async () => {
  await using dir = await tempDir();
  const options = { cwd: dir.path };
  const { out } = await cli(["inspect", GOLDEN, "--json"], options);
  const [slot] = JSON.parse(out).slots;
  assertEquals(
    (await cli(["extract", GOLDEN, slot.name, "o", "--raw"], options)).code,
    0,
  );
  const stored = (await Deno.readFile(GOLDEN)).slice(
    slot.offset,
    slot.offset + slot.size,
  );
  assertEquals(await Deno.readFile(dir.at("o")), stored);
});

for (const template of ["script", "directory"]) {
  Deno.test(`init --template ${template} writes a manifest that plans as it is`, async () => {
    await using dir = await tempDir();
    const elf = new Uint8Array(64);
    elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
    elf[18] = 62;
    await dir.write("launcher", elf);
    const options = { cwd: dir.path };
    assertEquals(
      (await cli(["init", "--template", template], options)).code,
      0,
    );
    const plan = await cli(
      ["pack", "--dry-run", "--launcher-bin", "launcher", "--json"],
      options,
    );
    assertEquals(plan.code, 0, plan.err);
    assertEquals(JSON.parse(plan.out).name, "hello");
    // A path to a schema would be right in one directory only.
    const manifest = await Deno.readTextFile(dir.at("flavor.toml"));
    assertEquals(manifest.includes("#:schema"), false);
    const again = await cli(["init", "--template", template], options);
    assertEquals(again.code, 5);
    assertStringIncludes(
      again.err,
      "hint: Start in another directory with -C DIR, or use --force",
    );
  });
}

Deno.test("pack without a manifest, a launcher or a fitting key explains itself", async () => {
  await using dir = await tempDir();
  const bare = (change = {}): Promise<{ code: number; err: string }> =>
    cli(["pack", "--json"], {
      cwd: dir.path,
      change: (host) => ({
        ...host,
        machine: {
          ...host.machine,
          checkout: undefined,
          home: dir.path,
          ...change,
        },
      }),
    });
  assertEquals(JSON.parse((await bare()).err).error.code, "io/not-found");
  await cli(["init"], { cwd: dir.path });
  const missing = JSON.parse((await bare()).err).error;
  assertEquals(missing.code, "launcher/not-found");
  assertEquals(missing.context.searched.length, 2);
  const both = await cli(
    ["pack", "--public-key", "x", "--launcher-bin", "hello.sh"],
    { cwd: dir.path },
  );
  assertEquals(both.code, 2);
  assertStringIncludes(both.err, "[usage/bad-argument]");
  const other = await cli(
    ["pack", "--launcher-bin", "hello.sh"],
    { cwd: dir.path },
  );
  assertEquals(other.code, 6);
  assertStringIncludes(other.err, "[launcher/wrong-format]");
});

Deno.test("pack finds the sources of a flavor.toml beside it alone, whatever the working directory holds", async () => {
  await using dir = await tempDir();
  const elf = new Uint8Array(64);
  elf.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1, 0]);
  elf[18] = 62;
  await dir.write("launcher", elf);
  await dir.write("hello.sh", "another one");
  await dir.write("project/x", "");
  const init = await cli(["init", "-C", "project"], { cwd: dir.path });
  assertEquals(init.code, 0, init.err);
  const args = ["pack", "--dry-run", "-m", "project/flavor.toml"];
  const launcher = ["--launcher-bin", "launcher"];
  const plain = await cli([...args, ...launcher], { cwd: dir.path });
  assertEquals(plain.code, 0, plain.err);
  const asked = await cli(
    [...args, ...launcher, "--workenv-base", "."],
    { cwd: dir.path },
  );
  assertEquals(asked.code, 3);
  assertStringIncludes(asked.err, "[manifest/invalid]");
});

Deno.test("pack takes flavor.toml, then flavor.json, and only then a project", async () => {
  await using dir = await tempDir();
  await dir.write("launcher", foreignLauncher());
  const plan = (): ReturnType<typeof cli> =>
    cli(["pack", "--dry-run", "--launcher-bin", "launcher", "--json"], {
      cwd: dir.path,
    });
  await dir.write("pyproject.toml", '[project]\nname = "python"\n');
  const project = await plan();
  assertEquals(project.code, 3);
  assertStringIncludes(project.err, "Python applications are not supported");
  const manifest = (name: string): string =>
    `{"package": {"name": "${name}", "version": "1"}, "execution": {"command": "x"}, "slots": []}`;
  await dir.write("flavor.json", manifest("json"));
  assertEquals(JSON.parse((await plan()).out).name, "json");
  const head = 'package = { name = "toml", version = "1" }\n';
  await dir.write(
    "flavor.toml",
    `${head}execution = { command = "x" }\nslots = []\n`,
  );
  assertEquals(JSON.parse((await plan()).out).name, "toml");
});
