import { assertEquals, assertStringIncludes } from "@std/assert";

import { tempDir } from "../support/temp_dir.ts";
import { flavor, run } from "./support/processes.ts";
import { PLATFORMS } from "../../lib/launchers/platform.ts";
import {
  HERE,
  PACK_ENV,
  standIn,
  standInLaunchers,
  startBare,
  THERE,
} from "./support/projects.ts";

const options = (
  cwd: string,
): { cwd: string; env: Record<string, string> } => ({
  cwd,
  env: { ...PACK_ENV },
});

Deno.test("flavor pack ./tool packs a Go program, for the platform that it is made for", async (t) => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await dir.write("go.mod", "module example.com/tool\n\ngo 1.22\n");
  await dir.write(
    "main.go",
    'package main\n\nimport (\n\t"fmt"\n\t"os"\n)\n\nfunc main() { fmt.Println("go", os.Args[1:]) }\n',
  );
  const build = async (arch: string, output: string): Promise<void> => {
    const { code, stderr } = await run("go", ["build", "-o", output, "."], {
      cwd: dir.path,
      env: { CGO_ENABLED: "0", GOARCH: arch, GOFLAGS: "-buildvcs=false" },
    });
    assertEquals(code, 0, stderr);
  };
  await build(HERE.go, "tool");
  await build(THERE.go, "foreign");
  const packed = await flavor(
    ["pack", "./tool", "--smoke=a"],
    options(dir.path),
  );
  assertEquals(packed.code, 0, packed.stderr);
  const path = dir.at("dist", "tool.psp");
  const { stdout } = await startBare(path, ["1", "2 3"], cache.path);
  assertEquals(stdout, "go [1 2 3]\n");

  await t.step("what it is made of comes from the program itself", async () => {
    const { stdout } = await flavor(["sbom", path]);
    assertStringIncludes(stdout, '"purl": "pkg:golang/stdlib@1.');
  });
  await t.step("a program for another platform is refused", async () => {
    const { code, stderr } = await flavor(
      ["pack", "./foreign", "--target", HERE.platform],
      options(dir.path),
    );
    assertEquals(code, 6, stderr);
    assertStringIncludes(
      stderr,
      `is for ${THERE.platform}, and the package is for ${HERE.platform}`,
    );
  });
});

Deno.test("a program that needs libraries of this machine is refused with the list", async () => {
  await using dir = await tempDir();
  await dir.write("lib.c", "int f(void) { return 0; }\n");
  await dir.write("main.c", "int f(void); int main(void) { return f(); }\n");
  for (
    const args of [
      ["-shared", "-fPIC", "-o", "libown.so", "-Wl,-soname,libown.so", "lib.c"],
      ["-o", "tool", "main.c", "libown.so"],
    ]
  ) assertEquals((await run("cc", args, { cwd: dir.path })).code, 0);
  const { code, stderr } = await flavor(["pack", "./tool"], options(dir.path));
  assertEquals(code, 6, stderr);
  assertStringIncludes(stderr, "bin/tool needs the library libown.so");
  const anyway = await flavor(
    ["pack", "./tool", "--no-preflight"],
    options(dir.path),
  );
  assertEquals(anyway.code, 0, anyway.stderr);
});

Deno.test("--smoke gives no package to a program that fails", async () => {
  await using dir = await tempDir();
  await dir.write("tool", "#!/bin/sh\necho broken >&2\nexit 3\n", 0o755);
  const { code, stderr } = await flavor(
    ["pack", "./tool", "--smoke"],
    options(dir.path),
  );
  assertEquals(code, 6, stderr);
  assertStringIncludes(stderr, "exit code 3");
  assertStringIncludes(stderr, "broken");
  assertEquals(await Array.fromAsync(Deno.readDir(dir.at("dist"))), []);
});

Deno.test("one package for each target", async () => {
  await using dir = await tempDir();
  await dir.write("tool", "#!/bin/sh\necho hello\n", 0o755);
  await dir.write(
    "flavor.toml",
    `package = { name = "hello", version = "1" }
execution = { command = "{workenv}/tool" }
slots = [{ id = "tool", source = "tool", target = "tool" }]
`,
  );
  const env = {
    ...PACK_ENV,
    XDG_DATA_HOME: await standInLaunchers(dir, PLATFORMS),
  };
  const pack = async (
    ...targets: string[]
  ): Promise<readonly (readonly [platform: string, path: string])[]> => {
    const args = targets.flatMap((one) => ["--target", one]);
    const { code, stdout, stderr } = await flavor(
      ["pack", "--json", ...args],
      { cwd: dir.path, env },
    );
    assertEquals(code, 0, stderr);
    const { packages } = JSON.parse(stdout) as {
      readonly packages: readonly {
        readonly platform: string;
        readonly package: string;
      }[];
    };
    return packages.map((one) => [one.platform, one.package]);
  };
  const expected = (platforms: readonly string[]): unknown =>
    platforms.map((one) => [one, dir.at("dist", `hello-${one}.psp`)]);
  const some = ["linux_amd64", "linux_arm64"];
  assertEquals(await pack(...some), expected(some));
  assertEquals(await pack("all"), expected(PLATFORMS));
});

Deno.test("a program's platform and name come from the file itself", async () => {
  await using dir = await tempDir();
  const env = {
    ...PACK_ENV,
    XDG_DATA_HOME: await standInLaunchers(dir, PLATFORMS),
  };
  for (const platform of PLATFORMS) {
    const name = platform.startsWith("windows") ? "tool.exe" : "tool";
    await dir.write(name, standIn(platform), 0o755);
    const { code, stdout, stderr } = await flavor(
      ["pack", `./${name}`, "--json"],
      { cwd: dir.path, env },
    );
    assertEquals(code, 0, stderr);
    const packed = JSON.parse(stdout);
    assertEquals(
      [packed.platform, packed.package, packed.slots[0].target],
      [platform, dir.at("dist", "tool.psp"), `bin/${name}`],
    );
  }
  await dir.write("notes.txt", "plain text\n");
  const { code, stderr } = await flavor(["pack", "./notes.txt"], {
    cwd: dir.path,
    env,
  });
  assertEquals(code, 6, stderr);
  assertStringIncludes(stderr, "neither an ELF, PE or Mach-O program");
});
