import { assertEquals, assertStringIncludes } from "@std/assert";

import { tempDir } from "../support/temp_dir.ts";
import { flavor, run } from "./support/processes.ts";
import { ARM_LAUNCHER, PACK_ENV, startBare } from "./support/projects.ts";

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
  await build("amd64", "tool");
  await build("arm64", "foreign");
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
      ["pack", "./foreign", "--target", "linux_amd64"],
      options(dir.path),
    );
    assertEquals(code, 6, stderr);
    assertStringIncludes(
      stderr,
      "is for linux_arm64, and the package is for linux_amd64",
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
  await dir.write(
    "data/flavor/bin/flavor-rs-launcher-linux_arm64",
    ARM_LAUNCHER,
  );
  const { code, stdout, stderr } = await flavor(
    ["pack", "--json", "--target", "linux_amd64", "--target", "linux_arm64"],
    { cwd: dir.path, env: { ...PACK_ENV, XDG_DATA_HOME: dir.at("data") } },
  );
  assertEquals(code, 0, stderr);
  const { packages } = JSON.parse(stdout) as {
    readonly packages: readonly {
      readonly platform: string;
      readonly package: string;
    }[];
  };
  assertEquals(packages.map(({ platform }) => platform), [
    "linux_amd64",
    "linux_arm64",
  ]);
  assertEquals(packages.map((one) => one.package), [
    dir.at("dist", "hello-linux_amd64.psp"),
    dir.at("dist", "hello-linux_arm64.psp"),
  ]);
});
