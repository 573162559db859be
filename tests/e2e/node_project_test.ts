import { assert, assertEquals, assertStringIncludes } from "@std/assert";

import { tempDir } from "../support/temp_dir.ts";
import { flavor, run } from "./support/processes.ts";
import {
  assertStandardSbom,
  librariesOf,
  PACK_ENV,
  packIn,
  projectCopy,
  standInLaunchers,
  startBare,
  THERE,
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

  await t.step("that list is CycloneDX and SPDX to others", async () => {
    await assertStandardSbom(path);
  });

  await t.step(
    "two builds give the same bytes, the second beside the first one's package",
    async () => {
      const first = await run("sha256sum", [path]);
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

Deno.test("what is compiled for a package is the same in every build", async () => {
  const digests: string[] = [];
  // node-gyp compiles with headers of no path that holds a blank.
  await using flavorCache = await tempDir();
  for (let build = 0; build < 2; build++) {
    await using dir = await tempDir();
    await using cache = await tempDir();
    await dir.write("addon/addon.c", ADDON);
    await dir.write(
      "addon/binding.gyp",
      // Some distributions' node-gyp adds this library to every addon.
      '{ "targets": [{ "target_name": "addon", "sources": ["addon.c"], "libraries": ["-lnode"] }] }',
    );
    await dir.write(
      "addon/package.json",
      JSON.stringify({
        name: "addon",
        version: "1.0.0",
        main: "build/Release/addon.node",
        // As older versions of node-gyp leave it behind.
        scripts: {
          postinstall:
            "mkdir -p build/node_gyp_bins && ln -sf /usr/bin/python3 build/node_gyp_bins/python3",
        },
      }),
    );
    const packed = await run("npm", ["pack", "--silent", "./addon"], {
      cwd: dir.path,
    });
    assertEquals(packed.code, 0, packed.stderr);
    await dir.write(
      "package.json",
      JSON.stringify({
        name: "compiled",
        version: "1.0.0",
        main: "main.js",
        files: ["main.js", "*.tgz"],
        dependencies: { addon: "file:addon-1.0.0.tgz" },
        flavor: { runtime: "node@22" },
      }),
    );
    await dir.write("main.js", "console.log(require('addon'));\n");
    await dir.write("notes.txt", "not published");
    const outcome = await flavor(["pack", "--key-seed", "test"], {
      cwd: dir.path,
      env: { ...PACK_ENV, FLAVOR_CACHE: flavorCache.path },
    });
    assertEquals(outcome.code, 0, outcome.stderr);
    const path = dir.at("dist", "compiled.psp");
    const { stdout, stderr } = await startBare(path, [], cache.path);
    assertEquals(stdout, "compiled here\n", stderr);
    const listed = await run("find", [cache.path, "-name", "notes.txt"]);
    assertEquals(listed.stdout, "", "only what npm would publish");
    digests.push(
      (await run("sha256sum", ["-"], {
        stdin: await Deno.readFile(path),
      })).stdout,
    );
  }
  assertEquals(digests[0], digests[1]);
});

const ADDON = `#include <node_api.h>
NAPI_MODULE_INIT() {
  napi_value text;
  napi_create_string_utf8(env, "compiled here", NAPI_AUTO_LENGTH, &text);
  return text;
}
`;

/** Package managers that are not on every machine, by their packages. */
const MANAGERS = [
  ["npm", "npm", "node_modules/npm"],
  ["pnpm", "pnpm@10", "node_modules/pnpm"],
  ["yarn", "yarn@1", "node_modules/yarn"],
  ["yarn", "@yarnpkg/cli-dist@4", "node_modules/@yarnpkg/cli-dist"],
] as const;

for (const [tool, specifier, place] of MANAGERS) {
  Deno.test(`what ${specifier} has locked is installed, and nothing for development`, async () => {
    await using dir = await tempDir();
    await using tools = await tempDir();
    await using cache = await tempDir();
    const registry = await run("npm", ["config", "get", "registry"]);
    const env: Record<string, string> = {
      ...PACK_ENV,
      PATH: `${tools.at(place, "bin")}:${Deno.env.get("PATH")}`,
      YARN_NPM_REGISTRY_SERVER: registry.stdout.trim(),
      YARN_UNSAFE_HTTP_WHITELIST: "*",
      YARN_GLOBAL_FOLDER: tools.at("yarn"),
      YARN_CACHE_FOLDER: tools.at("yarn-cache"),
      YARN_ENABLE_IMMUTABLE_INSTALLS: "false",
      pnpm_config_store_dir: tools.at("pnpm"),
    };
    if (tool !== "npm") {
      const got = await run("npm", [
        "install",
        "--silent",
        "--prefix",
        tools.path,
        specifier,
      ], { env });
      assertEquals(got.code, 0, got.stderr);
      const bin = tools.at(place, "bin", tool);
      await Deno.writeTextFile(
        bin,
        `#!/bin/sh\nexec node "$0.${tool === "pnpm" ? "cjs" : "js"}" "$@"\n`,
      );
      await Deno.chmod(bin, 0o755);
    }
    // What is installed does not depend on what runs it: a small package is packed faster.
    const node = await run("node", ["-p", "process.execPath"]);
    const script = `#!/bin/sh\nexec "${node.stdout.trim()}" "$@"\n`;
    await dir.write("node", script, 0o755);
    const project = (range: string): Promise<string> =>
      dir.write(
        "package.json",
        JSON.stringify({
          name: "locked",
          version: "1.0.0",
          main: "main.js",
          dependencies: { ms: range },
          devDependencies: { picocolors: "1.1.1" },
          flavor: { runtime: "./node" },
        }),
      );
    await dir.write("main.js", "console.log(require('ms')('2 days'));\n");
    await project("2.1.2");
    const locked = await run(tool, ["install"], { cwd: dir.path, env });
    assertEquals(locked.code, 0, locked.stdout + locked.stderr);
    const args = ["pack", "--key-seed", "test"];
    const packed = await flavor(args, { cwd: dir.path, env });
    assertEquals(packed.code, 0, packed.stderr);
    const path = dir.at("dist", "locked.psp");
    const { stdout, stderr } = await startBare(path, [], cache.path);
    assertEquals(stdout, "172800000\n", stderr);
    assertEquals(await librariesOf(path), ["ms==2.1.2"]);
    const notes = await run("find", [
      cache.path,
      "(",
      "-name",
      ".yarn*",
      "-o",
      "-name",
      ".pnpm*",
      "-o",
      "-name",
      ".modules.yaml",
      "-o",
      "-name",
      ".package*",
      ")",
    ]);
    assertEquals(notes.stdout, "", "notes of those who installed");
    // A lock file that the project has left behind is an error.
    await project("2.1.3");
    const refused = await flavor(args, { cwd: dir.path, env });
    assertEquals(refused.code, 6, refused.stderr);
    assertStringIncludes(refused.stderr, "Cannot install the dependencies");
  });
}

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
  const env = { ...PACK_ENV, XDG_DATA_HOME: await standInLaunchers(dir) };
  const args = ["pack", "--target", THERE.platform, "--output", "far.psp"];
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
  assertStringIncludes(packed.stdout, THERE.platform);
});
