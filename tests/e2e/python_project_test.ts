import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { buildPackageFromManifest } from "../../mod.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { flavor, run } from "./support/processes.ts";
import {
  ARM_LAUNCHER,
  librariesOf,
  PACK_ENV,
  packIn,
  projectCopy,
  pythonPrefix,
  startBare,
} from "./support/projects.ts";

const PREFIX = await pythonPrefix();
const UV = join(PACK_ENV["XDG_DATA_HOME"] ?? "", "flavor", "uv", "bin", "uv");

Deno.test("a Flask application with httpx runs where nothing is installed", async (t) => {
  await using dir = await projectCopy("flask-app");
  await using cache = await tempDir();
  const { stdout } = await packIn(dir, "--runtime", PREFIX, "--smoke");
  const path = dir.at("dist", "guestbook.psp");

  await t.step("it says what it needs of a machine", () => {
    assertStringIncludes(stdout, "needs  glibc >= 2.");
  });

  await t.step(
    "it runs its own interpreter and nothing of this machine",
    async () => {
      const { code, stdout, stderr } = await startBare(
        path,
        ["a b"],
        cache.path,
      );
      assertEquals(code, 0, stderr);
      const said = JSON.parse(stdout);
      assertEquals(said.message, "hello");
      assertEquals(said.arguments, ["a b"]);
      assert(said.prefix.startsWith(cache.path), said.prefix);
      assertEquals(
        said.path.filter((one: string) => !one.startsWith(cache.path)),
        [],
      );
      assert(said.program.endsWith("/bin/guestbook"), said.program);
    },
  );

  await t.step("another script runs by its name", async () => {
    await Deno.symlink(path, cache.at("guestbook-check"));
    const { stdout } = await startBare(
      cache.at("guestbook-check"),
      ["x"],
      cache.path,
    );
    assertEquals(stdout, "check OpenSSL x\n");
  });

  await t.step(
    "the tree stays as it was signed, and a read-only cache will do",
    async () => {
      const files = async (): Promise<string> =>
        (await run("sh", [
          "-c",
          `cd "$1"/workenv && find . -type f | sort`,
          "-",
          cache.path,
        ])).stdout;
      const before = await files();
      assert(
        !before.includes("sbom"),
        "the list of components is never extracted",
      );
      await run("chmod", ["-R", "a-w", cache.path]);
      const { code, stderr } = await startBare(path, [], cache.path);
      await run("chmod", ["-R", "u+w", cache.path]);
      assertEquals(code, 0, stderr);
      assertEquals(await files(), before);
    },
  );

  await t.step("settings of another Python do not get in", async () => {
    await cache.write("evil/flask.py", "raise SystemExit(99)\n");
    const { code, stderr } = await run("env", [
      "-i",
      `FLAVOR_CACHE=${cache.path}`,
      `PYTHONPATH=${cache.at("evil")}`,
      "PYTHONHOME=/nonexistent",
      path,
    ]);
    assertEquals(code, 0, stderr);
  });

  await t.step("its list of components is that of uv", async () => {
    const { stdout } = await run(UV, [
      "pip",
      "list",
      "--format=freeze",
      "--target",
      cache.at(
        "workenv",
        await workenvOf(cache.path),
        "python",
        "lib",
        await libraryName(),
        "site-packages",
      ),
    ], { env: PACK_ENV });
    const listed = stdout.trim().toLowerCase().split("\n")
      .filter((line) => !line.startsWith("guestbook")).sort();
    assert(listed.some((line) => line.startsWith("flask==")), stdout);
    assertEquals(await librariesOf(path), listed);
  });

  await t.step("two builds in two places give the same bytes", async () => {
    await using again = await projectCopy("flask-app");
    await packIn(again, "--runtime", PREFIX, "--quiet");
    assertEquals(
      (await run("cmp", [path, again.at("dist", "guestbook.psp")])).code,
      0,
    );
  });
});

async function workenvOf(cache: string): Promise<string> {
  const names = await Array.fromAsync(Deno.readDir(join(cache, "workenv")));
  return names.find(({ name }) => !name.startsWith("."))?.name ?? "";
}

async function libraryName(): Promise<string> {
  const names = await Array.fromAsync(Deno.readDir(join(PREFIX, "lib")));
  return names.find(({ name }) => /^python3\.\d+$/.test(name))?.name ?? "";
}

Deno.test("a project with a native wheel runs", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await dir.write(
    "pyproject.toml",
    `[project]
name = "sums"
version = "1"
requires-python = ">=3.11"
dependencies = ["numpy"]
`,
  );
  await dir.write("main.py", "import numpy; print(numpy.arange(4).sum())\n");
  await packIn(dir, "--runtime", PREFIX);
  const { code, stdout, stderr } = await startBare(
    dir.at("dist", "sums.psp"),
    [],
    cache.path,
  );
  assertEquals(code, 0, stderr);
  assertEquals(stdout, "6\n");
});

Deno.test("uv.lock decides the versions", async () => {
  await using dir = await projectCopy("flask-app");
  const text = await Deno.readTextFile(dir.at("pyproject.toml"));
  await Deno.writeTextFile(
    dir.at("pyproject.toml"),
    text.replace('"flask"', '"flask==3.0.3"'),
  );
  const { code, stderr } = await run(UV, [
    "lock",
    "--python",
    join(PREFIX, "bin", "python3"),
  ], {
    cwd: dir.path,
    env: PACK_ENV,
  });
  assertEquals(code, 0, stderr);
  // What pyproject.toml allows has grown since it was locked.
  await Deno.writeTextFile(dir.at("pyproject.toml"), text);
  await packIn(dir, "--runtime", PREFIX);
  const libraries = await librariesOf(dir.at("dist", "guestbook.psp"));
  assert(libraries.includes("flask==3.0.3"), libraries.join(" "));
});

/** A mirror for uv on loopback, whose distributions are made from the interpreter of this machine. */
async function serveInterpreters(dir: TempDir): Promise<{
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly list: string;
  readonly asked: readonly string[];
}> {
  const lib = await libraryName();
  const packed = await run("tar", [
    "-czf",
    dir.at("python.tar.gz"),
    "--exclude=site-packages/*",
    "--exclude=test",
    "--exclude=__pycache__",
    "--exclude=*.a",
    "--transform",
    "s,^,python/,rSH",
    "-C",
    PREFIX,
    `bin/${lib}`,
    "bin/python3",
    "lib",
  ]);
  assertEquals(packed.code, 0, packed.stderr);
  const bytes = await Deno.readFile(dir.at("python.tar.gz"));
  const asked: string[] = [];
  const server = Deno.serve(
    { hostname: "127.0.0.1", port: 0, onListen: () => {} },
    (request) => {
      const { pathname } = new URL(request.url);
      asked.push(pathname);
      return new Response(bytes);
    },
  );
  const { stdout: version } = await run(join(PREFIX, "bin", "python3"), [
    "-c",
    "import platform; print(platform.python_version(), end='')",
  ]);
  const [major, minor, patch] = version.split(".").map(Number);
  const entries = ["x86_64", "aarch64"].map((arch) => [
    `cpython-${version}-linux-${arch}-gnu`,
    {
      name: "cpython",
      arch: { family: arch, variant: null },
      os: "linux",
      libc: "gnu",
      major,
      minor,
      patch,
      prerelease: "",
      url: `http://127.0.0.1:${server.addr.port}/${arch}.tar.gz`,
      sha256: null,
      variant: null,
      build: "1",
    },
  ]);
  const list = await dir.write(
    "downloads.json",
    JSON.stringify(Object.fromEntries(entries)),
  );
  return { server, list, asked };
}

Deno.test("an interpreter comes from uv's own mirror", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await using mirror = await tempDir();
  const { server, list, asked } = await serveInterpreters(mirror);
  await using _server = server;
  await dir.write(
    "pyproject.toml",
    '[project]\nname = "tiny"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = []\n',
  );
  await dir.write("main.py", "print('hello')\n");
  const env = {
    ...PACK_ENV,
    FLAVOR_CACHE: cache.at("pack"),
    UV_PYTHON_DOWNLOADS_JSON_URL: list,
  };
  const { code, stderr } = await flavor(["pack"], { cwd: dir.path, env });
  assertEquals(code, 0, stderr);
  assertEquals(asked, ["/x86_64.tar.gz"]);
  const { stdout } = await startBare(
    dir.at("dist", "tiny.psp"),
    [],
    cache.at("run"),
  );
  assertEquals(stdout, "hello\n");
});

Deno.test("another platform gets its own wheels, and what does not fit it is refused", async (t) => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await using mirror = await tempDir();
  const { server, list, asked } = await serveInterpreters(mirror);
  await using _server = server;
  await dir.write(
    "pyproject.toml",
    '[project]\nname = "far"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["markupsafe"]\n',
  );
  await dir.write("main.py", "import markupsafe\n");
  await dir.write(
    "data/flavor/bin/flavor-rs-launcher-linux_arm64",
    ARM_LAUNCHER,
  );
  const env = {
    ...PACK_ENV,
    PATH: `${join(UV, "..")}:${Deno.env.get("PATH")}`,
    XDG_DATA_HOME: dir.at("data"),
    FLAVOR_CACHE: cache.path,
    UV_PYTHON_DOWNLOADS_JSON_URL: list,
  };
  const args = ["pack", "--target", "linux_arm64", "--output", "far.psp"];
  await t.step(
    "the stand-in is no interpreter for ARM, which is noticed",
    async () => {
      const { code, stderr } = await flavor(args, { cwd: dir.path, env });
      assertEquals(code, 6, stderr);
      assertStringIncludes(
        stderr,
        "is for linux_amd64, and the package is for linux_arm64",
      );
      assertEquals([...asked].sort(), ["/aarch64.tar.gz", "/x86_64.tar.gz"]);
    },
  );
  await t.step("the wheels are those of the target", async () => {
    const { code, stderr } = await flavor([...args, "--no-preflight"], {
      cwd: dir.path,
      env,
    });
    assertEquals(code, 0, stderr);
    await flavor(["extract-all", "far.psp", "out", "--quiet"], {
      cwd: dir.path,
    });
    const { stdout } = await run("find", [
      dir.at("out"),
      "-name",
      "_speedups*.so",
      "-exec",
      "readelf",
      "-h",
      "{}",
      ";",
    ]);
    assertStringIncludes(stdout, "AArch64");
  });
  await t.step(
    "a dependency without a wheel is an error that says so",
    async () => {
      await dir.write(
        "pyproject.toml",
        '[project]\nname = "far"\nversion = "1"\nrequires-python = ">=3.11"\ndependencies = ["docopt==0.6.2"]\n',
      );
      const { code, stderr } = await flavor(args, { cwd: dir.path, env });
      assertEquals(code, 6, stderr);
      assertStringIncludes(stderr, "Cannot pack for linux_arm64");
    },
  );
});

Deno.test("what a Python project lacks is said", async (t) => {
  await using dir = await tempDir();
  const fails = async (project: string, ...args: string[]): Promise<string> => {
    await dir.write("pyproject.toml", project);
    const { code, stderr } = await flavor(["pack", ...args], {
      cwd: dir.path,
      env: PACK_ENV,
    });
    assert(code !== 0, "packed");
    return stderr;
  };
  const head = '[project]\nname = "x"\nversion = "1"\ndependencies = []\n';
  await t.step("no script and no module", async () => {
    assertStringIncludes(
      await fails(head, "--runtime", PREFIX),
      "--entry",
    );
  });
  await t.step("an interpreter that is too old", async () => {
    assertStringIncludes(
      await fails(`${head}requires-python = ">=3.99"\n`, "--runtime", PREFIX),
      "the project requires >=3.99",
    );
  });
  await t.step("no installation", async () => {
    assertStringIncludes(
      await fails(head, "--runtime", dir.path),
      "is no installation of CPython",
    );
  });
});

Deno.test("buildPackageFromManifest() packs a project, too", async () => {
  await using dir = await projectCopy("flask-app");
  await using cache = await tempDir();
  await flavor(["keygen", "--out-dir", dir.at("keys"), "--quiet"]);
  for (const [name, value] of Object.entries(PACK_ENV)) {
    Deno.env.set(name, value);
  }
  const [built] = await buildPackageFromManifest(dir.at("pyproject.toml"), {
    privateKeyPath: dir.at("keys", "flavor-private.key"),
    publicKeyPath: dir.at("keys", "flavor-public.key"),
    runtime: PREFIX,
  });
  assertEquals(built?.path, dir.at("dist", "guestbook.psp"));
  const { code, stderr } = await startBare(built?.path ?? "", [], cache.path);
  assertEquals(code, 0, stderr);
});
