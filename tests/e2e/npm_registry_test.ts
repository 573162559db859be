/** Interpreters that come from an npm registry: a made-up one on loopback. */

import { assertEquals, assertStringIncludes } from "@std/assert";
import { encodeBase64 } from "@std/encoding/base64";

import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { flavor, type Outcome, run } from "./support/processes.ts";
import {
  HERE,
  standIn as standInFor,
  standInLaunchers,
  startBare,
  THERE,
} from "./support/projects.ts";

interface Published {
  readonly name: string;
  readonly version: string;
  /** Path and content of its one file. */
  readonly file: readonly [path: string, content: string | Uint8Array];
  readonly integrity?: string;
}

/** Where npm looks for packages, and what it asked for. */
async function serveNpm(
  published: readonly Published[],
  dir: TempDir,
): Promise<{
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly env: Readonly<Record<string, string>>;
  readonly tarballs: string[];
}> {
  const tarballs: string[] = [];
  const contents = new Map<string, Uint8Array<ArrayBuffer>>();
  for (const [index, { file: [path, content] }] of published.entries()) {
    await dir.write(`${index}/package/${path}`, content, 0o755);
    await dir.write(`${index}/package/package.json`, "{}");
    const packed = await run("tar", [
      "-czf",
      dir.at(`${index}.tgz`),
      "-C",
      dir.at(String(index)),
      "package",
    ]);
    assertEquals(packed.code, 0, packed.stderr);
    contents.set(`/${index}.tgz`, await Deno.readFile(dir.at(`${index}.tgz`)));
  }
  const describe = async (name: string, origin: string): Promise<Response> => {
    const versions: Record<string, unknown> = {};
    for (const [index, one] of published.entries()) {
      if (one.name !== name) continue;
      const bytes = contents.get(`/${index}.tgz`) ?? new Uint8Array();
      const digest = await crypto.subtle.digest("SHA-512", bytes);
      versions[one.version] = {
        name,
        version: one.version,
        dist: {
          tarball: `${origin}/${index}.tgz`,
          integrity: one.integrity ??
            `sha512-${encodeBase64(new Uint8Array(digest))}`,
        },
      };
    }
    const latest = Object.keys(versions).at(-1);
    if (latest === undefined) return new Response("{}", { status: 404 });
    return Response.json({ name, "dist-tags": { latest }, versions });
  };
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname, origin } = new URL(request.url);
      const bytes = contents.get(pathname);
      if (bytes === undefined) {
        return await describe(decodeURIComponent(pathname.slice(1)), origin);
      }
      tarballs.push(pathname);
      return new Response(bytes);
    },
  );
  const registry = `http://127.0.0.1:${server.addr.port}/`;
  return {
    server,
    tarballs,
    env: {
      FLAVOR_CACHE: dir.at("cache"),
      XDG_DATA_HOME: dir.at("data"),
      npm_config_cache: dir.at("npm"),
      npm_config_fetch_retries: "0",
      npm_config_registry: registry,
      NPM_CONFIG_REGISTRY: registry,
    },
  };
}

/** A stand-in for an interpreter, which says what it is. */
function standIn(name: string, version: string, path: string): Published {
  const script = `#!/bin/sh\necho "${version} $*"\n`;
  return { name, version, file: [path, script] };
}

const NODE = `node-linux-${HERE.node}`;

Deno.test("Node.js comes from the configured registry, in the version that is asked for", async (t) => {
  await using dir = await tempDir();
  await using work = await tempDir();
  const versions = ["18.20.0", "20.9.0", "22.1.0", "22.3.0", "23.0.0"];
  const { server, env, tarballs } = await serveNpm(
    versions.map((version) => standIn(NODE, version, "bin/node")),
    work,
  );
  await using _server = server;
  await dir.write("x.js", "");
  const runtime = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await flavor(
      ["pack", "--dry-run", "--json", "--key-seed", "s", ...args],
      { cwd: dir.path, env },
    );
    assertEquals(code, 0, stderr);
    return JSON.parse(stdout).slots[0].source;
  };
  const project = (more: object): Promise<string> =>
    dir.write("package.json", JSON.stringify({ main: "x.js", ...more }));
  await t.step("the newest one with an even number", async () => {
    await project({});
    assertEquals(await runtime(), "node-22.3.0");
  });
  await t.step("engines", async () => {
    await project({ engines: { node: ">=18 <20" } });
    assertEquals(await runtime(), "node-18.20.0");
  });
  await t.step(".nvmrc", async () => {
    await dir.write(".nvmrc", "v20\n");
    assertEquals(await runtime(), "node-20.9.0");
  });
  await t.step("--runtime", async () => {
    assertEquals(await runtime("--runtime", "node@22.1"), "node-22.1.0");
    assertEquals(await runtime("--runtime", "node@23"), "node-23.0.0");
  });
  await t.step("one that is not there", async () => {
    const { code, stderr } = await flavor(["pack", "--runtime", "node@99"], {
      cwd: dir.path,
      env,
    });
    assertEquals(code, 6, stderr);
    assertStringIncludes(stderr, `no ${NODE} that fits "99"`);
  });
  await t.step("each is fetched once", async () => {
    await runtime();
    assertEquals(tarballs.length, new Set(tarballs).size);
    assertEquals(tarballs.length, versions.length);
  });
});

Deno.test("an interpreter that is not what the registry says is refused", async () => {
  await using dir = await tempDir();
  await using work = await tempDir();
  const { server, env } = await serveNpm([{
    ...standIn(NODE, "22.1.0", "bin/node"),
    integrity: `sha512-${encodeBase64(new Uint8Array(64))}`,
  }], work);
  await using _server = server;
  await dir.write("package.json", '{"main":"x.js"}');
  await dir.write("x.js", "");
  const { code, stderr } = await flavor(["pack"], { cwd: dir.path, env });
  assertEquals(code, 6, stderr);
  assertStringIncludes(stderr, "EINTEGRITY");
});

Deno.test("a Deno program is started as its task says, on every platform", async (t) => {
  await using dir = await tempDir();
  await using work = await tempDir();
  const real = `#!/bin/sh\nexec "${Deno.execPath()}" "$@"\n`;
  const { server, env } = await serveNpm([
    {
      name: `@deno/linux-${HERE.node}-glibc`,
      version: Deno.version.deno,
      file: ["deno", real],
    },
    {
      name: `@deno/linux-${THERE.node}-glibc`,
      version: Deno.version.deno,
      file: ["deno", standInFor(THERE.platform)],
    },
  ], work);
  await using _server = server;
  await standInLaunchers(work);
  const config = (more: object): Promise<string> =>
    dir.write("deno.json", JSON.stringify({ name: "@acme/app", ...more }));
  await config({
    tasks: { start: "deno run --allow-env=MODE --deny-net src/main.ts fixed" },
  });
  await dir.write(
    "src/main.ts",
    `const { state } = await Deno.permissions.query({ name: "env", variable: "MODE" });
console.log(state, Deno.env.get("MODE"), ...Deno.args);
`,
  );
  await dir.write("other.ts", "console.log('other');\n");
  const pack = async (...args: string[]): Promise<Outcome> =>
    await flavor(["pack", "--no-preflight", ...args], { cwd: dir.path, env });
  const starts = async (expected: string): Promise<void> => {
    const { code, stdout, stderr } = await startBare(
      dir.at("dist", "app.psp"),
      ["x"],
      work.at("run"),
    );
    assertEquals(code, 0, stderr);
    assertEquals(stdout, expected);
  };
  await t.step("its flags and its arguments count", async () => {
    const { code, stderr } = await pack();
    assertEquals(code, 0, stderr);
    await starts("granted undefined fixed x\n");
  });
  await t.step("--entry names another module", async () => {
    const { code, stderr } = await pack("--entry", "other.ts");
    assertEquals(code, 0, stderr);
    await starts("other\n");
  });
  await t.step(
    "without a task or exports there is nothing to start",
    async () => {
      await config({ permissions: { default: {} } });
      const { code, stderr } = await pack();
      assertEquals(code, 3, stderr);
      assertStringIncludes(stderr, "--entry main.ts");
    },
  );
  await t.step("settings come from flavor in deno.json", async () => {
    await config({
      flavor: {
        entry: "src/main.ts",
        permissions: ["--allow-env"],
        args: ["one"],
        env: { MODE: "set" },
      },
    });
    const { code, stderr } = await pack();
    assertEquals(code, 0, stderr);
    await starts("granted set one x\n");
  });
  await t.step("several targets, each with its own Deno", async () => {
    const { code, stdout, stderr } = await flavor([
      "pack",
      "--json",
      "--target",
      HERE.platform,
      "--target",
      THERE.platform,
    ], { cwd: dir.path, env });
    assertEquals(code, 0, stderr);
    const { packages } = JSON.parse(stdout);
    assertEquals(
      packages.map((one: { readonly package: string }) => one.package),
      [
        dir.at("dist", `app-${HERE.platform}.psp`),
        dir.at("dist", `app-${THERE.platform}.psp`),
      ],
    );
  });
  await t.step("a lock file that says otherwise stops it", async () => {
    await dir.write("lib.ts", "export {};\n");
    await dir.write("src/main.ts", 'import "jsr:@acme/none@1";\n');
    await dir.write("deno.lock", '{ "version": "5" }\n');
    const { code, stderr } = await pack();
    assertEquals(code, 6, stderr);
    assertStringIncludes(stderr, "Cannot fetch the modules of the program");
  });
});
