import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { tempDir } from "../support/temp_dir.ts";
import { flavor, run } from "./support/processes.ts";
import {
  ARM_LAUNCHER,
  librariesOf,
  PACK_ENV,
  packIn,
  projectCopy,
  startBare,
} from "./support/projects.ts";

interface Listed {
  readonly dependencies?: Readonly<
    Record<string, Listed & { readonly version?: string }>
  >;
}

Deno.test("an Express application runs where nothing is installed", async (t) => {
  await using dir = await projectCopy("express-app");
  await using cache = await tempDir();
  const locked = await run("npm", [
    "install",
    "--package-lock-only",
    "--silent",
  ], {
    cwd: dir.path,
    env: PACK_ENV,
  });
  assertEquals(locked.code, 0, locked.stderr);
  await packIn(dir, "--smoke");
  const path = dir.at("dist", "greeter.psp");

  await t.step(
    "it runs its own Node.js, of the version that it asks for",
    async () => {
      const { code, stdout, stderr } = await startBare(
        path,
        ["a b"],
        cache.path,
      );
      assertEquals(code, 0, stderr);
      const said = JSON.parse(stdout);
      assertEquals(said.message, "hello");
      assertEquals(said.argv.slice(2), ["a b"]);
      assert(said.version.startsWith("v22."), said.version);
      assert(said.execPath.startsWith(cache.path), said.execPath);
    },
  );

  await t.step("its list of components is that of npm", async () => {
    const { stdout } = await run("npm", [
      "ls",
      "--all",
      "--omit=dev",
      "--package-lock-only",
      "--json",
    ], {
      cwd: dir.path,
      env: PACK_ENV,
    });
    const names = new Set<string>();
    const walk = (node: Listed): void => {
      for (const [name, one] of Object.entries(node.dependencies ?? {})) {
        if (one.version !== undefined) names.add(`${name}==${one.version}`);
        walk(one);
      }
    };
    walk(JSON.parse(stdout));
    const libraries = await librariesOf(path);
    assert(libraries.length > 50, libraries.join(" "));
    assert(
      !libraries.some((one) => one.startsWith("prettier")),
      "for development only",
    );
    assertEquals(libraries, [...names].sort());
  });

  await t.step(
    "two builds give the same bytes, the first one in the project or not",
    async () => {
      await Deno.copyFile(path, dir.at("first.psp.kept"));
      await Deno.writeTextFile(dir.at(".npmignore"), "*.kept\n");
      const first = await run("sha256sum", [path]);
      await Deno.remove(dir.at(".npmignore"));
      await Deno.remove(dir.at("first.psp.kept"));
      await packIn(dir, "--quiet");
      assertEquals((await run("sha256sum", [path])).stdout, first.stdout);
    },
  );
});

Deno.test("a native addon is compiled for the Node.js that is packed", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await dir.write(
    "main.js",
    `const native = require("bufferutil");
const masked = Buffer.alloc(4);
native.mask(Buffer.from("abcd"), Buffer.from([1, 1, 1, 1]), masked, 0, 4);
console.log(masked.toString());
`,
  );
  await dir.write(
    "package.json",
    JSON.stringify({
      name: "addon-app",
      version: "1.0.0",
      main: "main.js",
      dependencies: { bufferutil: "4.0.9" },
      flavor: { runtime: "node@22" },
    }),
  );
  await packIn(dir);
  const { code, stdout, stderr } = await startBare(
    dir.at("dist", "addon-app.psp"),
    [],
    cache.path,
  );
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "`cbe\n");
  const listed = await run("find", [
    cache.path,
    "-path",
    "*prebuilds*",
    "-name",
    "*.node",
  ]);
  assert(!/win32|darwin/.test(listed.stdout), listed.stdout);
});

Deno.test("several commands share a package, and its name chooses", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await dir.write(
    "package.json",
    JSON.stringify({
      name: "pair",
      version: "1.0.0",
      bin: { pair: "a.js", other: "b.js" },
      flavor: { runtime: "node@22" },
    }),
  );
  await dir.write("a.js", "console.log('a', require.main === module)\n");
  await dir.write("b.js", "console.log('b', ...process.argv.slice(2))\n");
  await packIn(dir);
  const path = dir.at("dist", "pair.psp");
  assertEquals((await startBare(path, [], cache.path)).stdout, "a true\n");
  await Deno.symlink(path, cache.at("other"));
  assertEquals(
    (await startBare(cache.at("other"), ["x"], cache.path)).stdout,
    "b x\n",
  );
});

Deno.test("a Node.js of a distribution is refused with the reason", async () => {
  await using dir = await tempDir();
  await dir.write(
    "package.json",
    '{"name":"x","version":"1.0.0","main":"x.js"}',
  );
  await dir.write("x.js", "");
  await dir.write("lib.c", "int f(void) { return 0; }\n");
  await dir.write("main.c", "int f(void); int main(void) { return f(); }\n");
  for (
    const args of [
      [
        "-shared",
        "-fPIC",
        "-o",
        "libnode.so.115",
        "-Wl,-soname,libnode.so.115",
        "lib.c",
      ],
      ["-o", "node", "main.c", "libnode.so.115"],
    ]
  ) assertEquals((await run("cc", args, { cwd: dir.path })).code, 0);
  const { code, stderr } = await flavor(["pack", "--runtime", "./node"], {
    cwd: dir.path,
    env: PACK_ENV,
  });
  assertEquals(code, 6, stderr);
  assertStringIncludes(stderr, "it needs libnode.so.115");
});

Deno.test("init writes the manifest of a project, to go on from by hand", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await dir.write(
    "package.json",
    JSON.stringify({
      name: "byhand",
      version: "1.0.0",
      main: "a.js",
      flavor: { runtime: "node@22", env: { MODE: "from the project" } },
    }),
  );
  await dir.write("a.js", "console.log(process.env.MODE)\n");
  const init = await flavor(["init"], { cwd: dir.path, env: PACK_ENV });
  assertEquals(init.code, 0, init.stderr);
  await Deno.writeTextFile(
    dir.at("flavor.toml"),
    (await Deno.readTextFile(dir.at("flavor.toml"))).replace(
      "from the project",
      "by hand",
    ),
  );
  await packIn(dir);
  const { code, stdout, stderr } = await startBare(
    dir.at("dist", "byhand.psp"),
    [],
    cache.path,
  );
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "by hand\n");
  assert((await librariesOf(dir.at("dist", "byhand.psp"))).length === 0);
  const again = await flavor(["init"], { cwd: dir.path, env: PACK_ENV });
  assertEquals(again.code, 5, again.stderr);
});

Deno.test("another platform gets its own Node.js", async () => {
  await using dir = await tempDir();
  await dir.write(
    "package.json",
    JSON.stringify({
      name: "far",
      version: "1.0.0",
      main: "a.js",
      dependencies: { bufferutil: "4.0.9" },
      flavor: { runtime: "node@22" },
    }),
  );
  await dir.write("a.js", "");
  await dir.write(
    "data/flavor/bin/flavor-rs-launcher-linux_arm64",
    ARM_LAUNCHER,
  );
  const env = { ...PACK_ENV, XDG_DATA_HOME: dir.at("data") };
  const args = ["pack", "--target", "linux_arm64", "--output", "far.psp"];
  const refused = await flavor(args, { cwd: dir.path, env });
  assertEquals(refused.code, 6, refused.stderr);
  assertStringIncludes(
    refused.stderr,
    "bufferutil would have to be compiled or set up there",
  );
  await dir.write(
    "package.json",
    JSON.stringify({
      name: "far",
      version: "1.0.0",
      main: "a.js",
      flavor: { runtime: "node@22" },
    }),
  );
  const packed = await flavor(args, { cwd: dir.path, env });
  assertEquals(packed.code, 0, packed.stderr);
  assertStringIncludes(packed.stdout, "linux_arm64");
});
