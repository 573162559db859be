import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { Buffer } from "node:buffer";

import type { BlockReply } from "../../lib/compress/block_worker.ts";
import { keyPairFromSeed } from "../../lib/crypto/ed25519.ts";
import {
  encodePrivateKeyPem,
  encodePublicKeyPem,
} from "../../lib/crypto/key_file.ts";
import config from "../../deno.json" with { type: "json" };
import { publishLocally } from "../support/local_jsr.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const PLATFORM = `${Deno.build.os}_${
  Deno.build.arch === "x86_64" ? "amd64" : "arm64"
}`;
const KEY = "the key of these tests";
const DENO = Deno.execPath();

interface Ran {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

async function run(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions = {},
): Promise<Ran> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    ...options,
    args: [...args],
    stdin: "null",
  }).output();
  const text = new TextDecoder();
  return { code, out: text.decode(stdout), err: text.decode(stderr) };
}

async function release(...args: readonly string[]): Promise<Ran> {
  return await run(join(ROOT, "scripts/dev"), ["release", ...args], {
    env: { FLAVOR_DEV_LAUNCHER: "keep", DENORT_BIN: DENO },
  });
}

async function namesIn(directory: string): Promise<string[]> {
  const entries = await Array.fromAsync(Deno.readDir(directory));
  return entries.map(({ name }) => name).sort();
}

async function make(output: string): Promise<void> {
  // deno-fmt-ignore
  const { code, err } = await release(
    "--output", output, "--target", PLATFORM, "--runtime", `${PLATFORM}=${DENO}`, "--key-seed", KEY, "--compile",
  );
  assertEquals(code, 0, err);
}

/** One release for all tests of this file: it takes some seconds. */
const SHARED = await tempDir();
addEventListener(
  "unload",
  () => Deno.removeSync(SHARED.path, { recursive: true }),
);
await make(SHARED.at("release"));
const staged = await release(
  "--stage",
  SHARED.at("staging"),
  "--target",
  PLATFORM,
  "--key-seed",
  KEY,
);
assertEquals(staged.code, 0, staged.err);
const mirror = await run(join(ROOT, "scripts/dev"), [
  "deno",
  "eval",
  "console.log(Deno.env.get('JSR_URL'))",
], { env: { FLAVOR_JSR: "mirror", JSR_URL: "" } });
const JSR_URL = publishLocally(
  SHARED.at("staging"),
  SHARED.at("jsr"),
  new URL(mirror.out.trim()),
).href;

/** An environment that has nothing of this project. */
function bare(
  dir: TempDir,
  more: Record<string, string> = {},
): Deno.CommandOptions {
  return {
    cwd: dir.path,
    clearEnv: true,
    env: {
      PATH: "/usr/bin:/bin",
      HOME: dir.at("home"),
      DENO_DIR: dir.at("deno"),
      DENO_NO_UPDATE_CHECK: "1",
      ...more,
    },
  };
}

/** Starts `flavor serve`, asks for what it has to have, and ends it. */
async function checkServe(
  program: string,
  args: readonly string[],
  options: Deno.CommandOptions,
): Promise<void> {
  const child = new Deno.Command(program, {
    ...options,
    args: [...args, "serve", "--port", "0", "dist/app.psp"],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const said = new Response(child.stderr).text();
  const lines = child.stdout.pipeThrough(new TextDecoderStream()).getReader();
  const url = ((await lines.read()).value ?? "").trim();
  try {
    assert(url.startsWith("http://127.0.0.1:"), url || await said);
    const ask = async (path: string): Promise<string> => {
      const response = await fetch(new URL(path, url));
      const text = await response.text();
      assertEquals(response.status, 200, `${path}: ${text}`);
      return text;
    };
    const links = [
      ...(await ask("/")).matchAll(/(?:src|href)="(page\/[^"]+)"/g),
    ].map(([, path = ""]) => path);
    assert(links.some((path) => path.startsWith("page/main.js")), `${links}`);
    for (const path of links) {
      assert((await ask(`/${path}`)).length > 200, `${path} is not whole`);
    }
    const verdict = await ask("/api/packages/app.psp/verify.json");
    assertEquals(JSON.parse(verdict).valid, true, verdict);
  } finally {
    child.kill("SIGTERM");
    await lines.cancel();
    await child.status;
  }
  assertEquals(await said, "");
}

/** A module that says on standard error when a worker has started: without, packing goes on in one thread. */
const WATCH_WORKERS = `
const Worker = globalThis.Worker;
globalThis.Worker = class extends Worker {
  constructor(...args) {
    super(...args);
    this.addEventListener("message", ({ data }) => {
      if (data.kind === "ready") Deno.stderr.writeSync(new TextEncoder().encode("worker\\n"));
    });
  }
};
`;

/** A directory with an application of more than one block. */
async function project(): Promise<TempDir> {
  const dir = await tempDir();
  await dir.write(
    "flavor.toml",
    `
package = { name = "app", version = "1.0.0" }
execution = { command = "cat {workenv}/data/hello" }
slots = [
  { id = "data", source = "data", target = "data" },
  { id = "xz", source = "notes", target = "notes", operations = "tar.xz" },
]
`,
  );
  await dir.write("data/hello", "hello\n");
  // Its codec is WebAssembly, in a module of its own.
  await dir.write("notes/one", "packed by WebAssembly\n".repeat(1000));
  for (let at = 0; at < 6; at++) {
    await dir.write(`data/${at}`, `${at}`.repeat(1_500_000));
  }
  await dir.write("home/.keep", "");
  return dir;
}

Deno.test("a release is the same bytes each time, and --check finds what was changed", async () => {
  await using dir = await tempDir();
  await make(dir.at("again"));
  const names = await namesIn(SHARED.at("release"));
  const suffix = PLATFORM.startsWith("windows") ? ".exe" : "";
  assertEquals(
    names,
    [
      "NOTES.md",
      "SHA256SUMS",
      "SHA256SUMS.sig",
      `flavor-compiled-${PLATFORM}${suffix}`,
      `flavor-${PLATFORM}${suffix}`,
      "flavor-release.pem",
      `flavor-rs-builder-${PLATFORM}${suffix}`,
      `flavor-rs-launcher-${PLATFORM}${suffix}`,
      "flavor.js",
      "install.ps1",
      "install.sh",
      "release.json",
      "sbom.cdx.json",
    ].sort(),
  );
  for (const name of names) {
    const [one, two] = [SHARED.at("release", name), dir.at("again", name)].map((
      path,
    ) => Deno.readFileSync(path));
    assert(
      one !== undefined && two !== undefined && Buffer.compare(one, two) === 0,
      `${name} differs`,
    );
  }
  const good = await release("--check", dir.at("again"));
  assertEquals([good.code, good.err], [0, ""]);
  const stranger = await release(
    "--check",
    dir.at("again"),
    "--trusted-key",
    "0".repeat(64),
  );
  assertStringIncludes(stranger.err, "which is not");
  for (const name of ["flavor.js", "install.sh", "SHA256SUMS.sig"]) {
    const path = dir.at("again", name);
    const bytes = await Deno.readFile(path);
    const changed = bytes.slice();
    changed[20] = (changed[20] ?? 0) ^ 1;
    await Deno.writeFile(path, changed);
    const { code, err } = await release("--check", dir.at("again"));
    assertEquals(code, 1, name);
    assertStringIncludes(err, name);
    await Deno.writeFile(path, bytes);
  }
  await Deno.remove(dir.at("again/sbom.cdx.json"));
  assertStringIncludes(
    (await release("--check", dir.at("again"))).err,
    "sbom.cdx.json is missing",
  );
});

Deno.test("the worker in flavor.js starts and compresses", async () => {
  const text = await Deno.readTextFile(SHARED.at("release/flavor.js"));
  const [, url = ""] =
    /new URL\("(data:text\/javascript,[^"]*)"\)/.exec(text) ?? [];
  const worker = new Worker(url, { type: "module" });
  const next = (): Promise<BlockReply> =>
    new Promise((resolve) => worker.onmessage = ({ data }) => resolve(data));
  try {
    assertEquals((await next()).kind, "ready");
    const reply = next();
    worker.postMessage({
      kind: "zstd",
      level: 3,
      input: new Uint8Array(100_000),
    });
    assertEquals((await reply).kind, "done");
  } finally {
    worker.terminate();
  }
});

Deno.test("flavor.js packs from a server and from disk, with launchers from JSR, and says nothing", async () => {
  await using dir = await project();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    () =>
      new Response(Deno.readFileSync(SHARED.at("release/flavor.js")), {
        headers: { "content-type": "text/javascript" },
      }),
  );
  try {
    const urls = [
      `http://127.0.0.1:${server.addr.port}/flavor.js`,
      SHARED.at("release/flavor.js"),
    ];
    const packages: Uint8Array[] = [];
    for (const url of urls) {
      // Deno itself says on standard error what it downloads.
      const packed = await run(DENO, [
        "run",
        "-A",
        "--quiet",
        "--preload",
        await dir.write("watch_workers.js", WATCH_WORKERS),
        url,
        "pack",
        "--key-seed",
        "seed",
        "--jobs",
        "3",
      ], bare(dir, { JSR_URL }));
      assertEquals(packed.code, 0, packed.err);
      assertMatch(packed.err, /^(worker\n)+$/);
      const started = await run(dir.at("dist/app.psp"), [], bare(dir));
      assertEquals([started.code, started.out, started.err], [
        0,
        "hello\n",
        "",
      ]);
      packages.push(await Deno.readFile(dir.at("dist/app.psp")));
      const extracted = await run(
        DENO,
        ["run", "-A", "--quiet", url, "extract", "dist/app.psp", "1", "-"],
        bare(dir),
      );
      assertEquals([extracted.code, extracted.err], [0, ""]);
      await checkServe(DENO, ["run", "-A", "--quiet", url], bare(dir));
      const { out } = await run(DENO, [
        "run",
        "-A",
        "--quiet",
        url,
        "--version",
        "--json",
      ], bare(dir));
      assertEquals(
        JSON.parse(out).form,
        url.startsWith("http") ? "url" : "bundle",
      );
    }
    assertEquals(Buffer.compare(...packages as [Uint8Array, Uint8Array]), 0);
  } finally {
    await server.shutdown();
  }
});

Deno.test("sources by URL say in one line what to run instead", async () => {
  await using dir = await tempDir();
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    async (request) => {
      const { pathname } = new URL(request.url);
      const content = await Deno.readFile(join(ROOT, pathname));
      return new Response(content, {
        headers: { "content-type": "text/typescript" },
      });
    },
  );
  try {
    const url = `http://127.0.0.1:${server.addr.port}/cli.ts`;
    const options = bare(dir, { JSR_URL });
    const { code, err } = await run(
      DENO,
      ["run", "-A", "--quiet", url],
      options,
    );
    assertEquals([code, err.trimEnd().split("\n").length], [1, 1], err);
    assertStringIncludes(err, "deno run -A jsr:@flavor/pspf/cli");
  } finally {
    await server.shutdown();
  }
});

Deno.test("flavor as one executable packs where nothing else is", async () => {
  await using dir = await project();
  await Deno.mkdir(dir.at("bin"));
  await Deno.copyFile(
    SHARED.at("release", `flavor-${PLATFORM}`),
    dir.at("bin/flavor"),
  );
  const options = bare(dir, {
    PATH: `${dir.at("bin")}:/usr/bin:/bin`,
    DENO_DIR: "/their own",
  });
  const version = await run("flavor", ["--version", "--json"], options);
  const facts = JSON.parse(version.out);
  assertEquals([facts.form, facts.platform, version.err], [
    "packed",
    PLATFORM,
    "",
  ]);
  assertEquals(
    facts.launchers.map((one: { platform: string }) => one.platform),
    [PLATFORM],
  );
  const packed = await run("flavor", ["pack", "--key-seed", "seed"], options);
  assertEquals([packed.code, packed.err], [0, ""]);
  assertEquals((await run(dir.at("dist/app.psp"), [], options)).out, "hello\n");
  await checkServe("flavor", [], options);
  // What flavor starts has the user's variables, and none of those that Deno got.
  await dir.write(
    "flavor.toml",
    `
package = { name = "env", version = "1.0.0" }
execution = { command = "env" }
slots = []
`,
  );
  await run("flavor", ["pack", "--key-seed", "seed"], options);
  const { out } = await run("flavor", ["run", "dist/env.psp"], options);
  assertStringIncludes(out, "DENO_DIR=/their own\n");
  assert(!out.includes("FLAVOR_OUTER") && !out.includes("deno-dir"), out);
  // Nothing of it goes anywhere but into flavor's cache.
  assertEquals(
    await namesIn(dir.at("home")),
    [".cache", ".keep"],
  );
});

/** The shell scripts of the action, by the names of their steps. */
function actionScripts(): ReadonlyMap<string, string> {
  const text = Deno.readTextFileSync(join(ROOT, "action.yml"));
  const steps = text.split(/^ {4}- name: /m).slice(1);
  return new Map(steps.map((step) => {
    const [head = "", script = ""] = step.split("\n      run: |\n");
    return [head.split("\n")[0] ?? "", script.replaceAll(/^ {8}/gm, "")];
  }));
}

Deno.test("the action installs a release with its installer, and packs with a key from a secret", async () => {
  await using dir = await project();
  const version = /^(?:latest\/download|download\/v0\.1\.0)\//;
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      const path = pathname.slice("/releases/".length);
      const name = path.replace(version, "");
      return name === path
        ? new Response("no such release", { status: 404 })
        : new Response(Deno.readFileSync(SHARED.at("release", name)));
    },
  );
  try {
    const repository = `http://127.0.0.1:${server.addr.port}`;
    const steps = actionScripts();
    const step = (name: string, env: Record<string, string>): Promise<Ran> =>
      run("bash", ["-euo", "pipefail", "-c", steps.get(name) ?? "exit 99"], {
        ...bare(dir, {
          PATH: `${dir.at("runner/flavor-bin")}:/usr/bin:/bin`,
          RUNNER_OS: "Linux",
          RUNNER_TEMP: dir.at("runner"),
          GITHUB_PATH: dir.at("runner/path"),
          GITHUB_OUTPUT: dir.at("runner/output"),
          FLAVOR_INSTALL: dir.at("runner/flavor-bin"),
          FLAVOR_RELEASES_URL: `${repository}/releases`,
          REPOSITORY: repository,
          ...env,
        }),
      });
    await dir.write("runner/.keep", "");
    const other = await step("Install flavor", { VERSION: "7.0.0" });
    assert(other.code !== 0 && other.err.includes("404"), other.err);
    for (const VERSION of ["", "v0.1.0"]) {
      const { code, err } = await step("Install flavor", { VERSION });
      assertEquals(code, 0, err);
    }
    const secret = await keyPairFromSeed("a secret");
    await dir.write("public.pem", encodePublicKeyPem(secret.publicKey));
    const packed = await step("Pack", {
      OUTPUT: "out/the app.psp",
      TARGET: "",
      PRIVATE_KEY: encodePrivateKeyPem(secret.privateKey),
      ARGS: "--quiet --jobs 1",
    });
    assertEquals(packed.code, 0, packed.err);
    assertEquals(
      await Deno.readTextFile(dir.at("runner/output")),
      `package=${dir.at("out/the app.psp")}\n`,
    );
    const verified = await run(
      dir.at("runner/flavor-bin/flavor"),
      ["verify", "out/the app.psp", "--trusted-key", "public.pem"],
      bare(dir),
    );
    assertEquals(verified.code, 0, verified.out + verified.err);
    // The key is gone.
    assert(!(await namesIn(dir.at("runner"))).includes("flavor-signing.key"));
  } finally {
    await server.shutdown();
  }
});

Deno.test("flavor as one executable finds itself, and upgrades", async () => {
  await using dir = await tempDir();
  await dir.write("home/.keep", "");
  await Deno.mkdir(dir.at("bin"));
  await Deno.copyFile(
    SHARED.at("release", `flavor-${PLATFORM}`),
    dir.at("bin/flavor"),
  );
  const { serveRelease } = await import("../support/release_server.ts");
  const next = `#!/bin/sh\necho '{ "version": "9.0.0" }'\n`;
  await using server = await serveRelease("9.0.0", {
    [`flavor-${PLATFORM}`]: next,
  }, await keyPairFromSeed(KEY));
  const options = bare(dir, {
    PATH: `${dir.at("bin")}:/usr/bin:/bin`,
    FLAVOR_RELEASES_URL: server.url,
  });
  const check = await run("flavor", ["upgrade", "--check", "--json"], options);
  assertEquals(
    [check.code, JSON.parse(check.out).available],
    [0, "9.0.0"],
    check.err,
  );
  const { code, out, err } = await run("flavor", ["upgrade"], options);
  assertEquals([code, out], [
    0,
    `upgraded ${dir.at("bin/flavor")} from 0.1.0 to 9.0.0\n`,
  ], err);
  assertEquals(await Deno.readTextFile(dir.at("bin/flavor")), next);
});

Deno.test("the compiled form embeds flavor.js and the launchers, and no path of the machine", async () => {
  // Deno itself stands in for its runtime for executables here, which ignores what is embedded.
  const all = await Deno.readFile(
    SHARED.at("release", `flavor-compiled-${PLATFORM}`),
  );
  const embedded = Buffer.from(all.subarray((await Deno.stat(DENO)).size));
  for (const name of ["flavor.js", `flavor-rs-launcher-${PLATFORM}`]) {
    const bytes = await Deno.readFile(SHARED.at("release", name));
    assert(
      embedded.includes(Buffer.from(bytes)),
      `${name} is not embedded whole`,
    );
  }
  for (const path of [ROOT, SHARED.path]) {
    assert(!embedded.includes(path), path);
  }
});

Deno.test("a program that imports the library from JSR builds in memory without any permission", async () => {
  await using dir = await tempDir();
  await dir.write(
    "deno.json",
    `{ "imports": { "@flavor/pspf": "jsr:@flavor/pspf@^0.1.0" }, "lock": false }`,
  );
  await dir.write(
    "main.ts",
    `import { PSPFBuilder, verifyPackage } from "@flavor/pspf";
import { createApp } from "@flavor/pspf/web";
const stream = await new PSPFBuilder()
  .setPackageName("app").setPackageVersion("1.0.0")
  .setMetadata({ execution: { command: "{workenv}/hello" } })
  .addSlot({ name: "hello", permissions: 0o755 }, new TextEncoder().encode("#!/bin/sh\\necho hello\\n"))
  .build();
const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
const report = await verifyPackage(bytes, { level: "strict" });
console.log(report.valid, bytes.length > 500_000);
const app = createApp({ packages: { "app.psp": bytes } });
for (const path of ["/", "/page/main.js", "/api/packages/app.psp/verify.json"]) {
  console.log(path, (await app.request(path)).status);
}
`,
  );
  const options = bare(dir, { JSR_URL });
  // Every module, with its types.
  const modules = Object.keys(config.exports)
    .filter((name) => name !== "./cli")
    .map((name, at) =>
      `export * as m${at} from "@flavor/pspf${name.slice(1)}";\n`
    );
  await dir.write("all.ts", modules.join(""));
  const checked = await run(
    DENO,
    ["check", "--quiet", "main.ts", "all.ts"],
    options,
  );
  assertEquals([checked.code, checked.err], [0, ""]);
  const { out, err } = await run(DENO, [
    "run",
    "--no-prompt",
    "--quiet",
    "main.ts",
  ], options);
  assertEquals([out, err], [
    "true true\n/ 200\n/page/main.js 200\n/api/packages/app.psp/verify.json 200\n",
    "",
  ]);
});

Deno.test("JSR gets the page and the codecs, and no test", async () => {
  const { manifest } = JSON.parse(
    await Deno.readTextFile(
      SHARED.at(`jsr/@flavor/pspf/${config.version}_meta.json`),
    ),
  );
  const files = Object.keys(manifest);
  for (const name of ["page_assets.js", "page_assets.d.ts", "mod.ts"]) {
    assert(files.includes(`/lib/web/${name}`), name);
  }
  assert(files.includes("/lib/compress/codecs_wasm.ts"));
  const packaged = await Deno.readTextFile(
    SHARED.at(
      `jsr/@flavor/pspf/${config.version}/lib/launchers/packaged_launchers.ts`,
    ),
  );
  // Of later launchers this version knows none.
  assertStringIncludes(
    packaged,
    `import("jsr:@flavor/launchers@${config.version}/linux_amd64")`,
  );
  const strange = files.filter((path) =>
    !/^\/(lib\/.*\.(ts|js)|(mod|cli)\.ts|deno\.json|[A-Z]+(\.md)?)$/.test(
      path,
    ) ||
    path.endsWith("_test.ts")
  );
  assertEquals(strange, []);
});

Deno.test("the command line from JSR packs for a consumer, and installs", async () => {
  await using dir = await project();
  await dir.write("deno.json", `{ "lock": false, "imports": {} }`);
  const options = bare(dir, {
    JSR_URL,
    DENO_INSTALL_ROOT: dir.at("root"),
    PATH: `${join(DENO, "..")}:/usr/bin:/bin`,
  });
  const packed = await run(DENO, [
    "run",
    "-A",
    "--quiet",
    "--preload",
    await dir.write("watch_workers.js", WATCH_WORKERS),
    "jsr:@flavor/pspf/cli",
    "pack",
    "--key-seed",
    "seed",
    "--jobs",
    "3",
  ], options);
  assertEquals(packed.code, 0, packed.err);
  assertMatch(packed.err, /^(worker\n)+$/);
  assertEquals((await run(dir.at("dist/app.psp"), [], options)).out, "hello\n");
  await checkServe(
    DENO,
    ["run", "-A", "--quiet", "jsr:@flavor/pspf/cli"],
    options,
  );
  const installed = await run(DENO, [
    "install",
    "-g",
    "-A",
    "--quiet",
    "-n",
    "flavor",
    "jsr:@flavor/pspf/cli",
  ], options);
  assertEquals(installed.code, 0, installed.err);
  const { out, err } = await run(dir.at("root/bin/flavor"), [
    "--version",
    "--json",
  ], options);
  const { form, launchers, commit } = JSON.parse(out);
  assertEquals([form, launchers.length, err], ["jsr", 1, ""]);
  assert(commit === null || /^[0-9a-f]{40}$/.test(commit));
});
