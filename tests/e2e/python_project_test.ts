import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { join } from "@std/path";

import { buildPackageFromManifest } from "../../mod.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { flavor, run } from "./support/processes.ts";
import {
  assertStandardSbom,
  giveToStranger,
  HERE,
  librariesOf,
  movablePython,
  ownUv,
  PACK_ENV,
  packIn,
  projectCopy,
  pythonPrefix,
  standInLaunchers,
  startAsStranger,
  startBare,
  THERE,
} from "./support/projects.ts";

const PREFIX = await pythonPrefix();
const UV = await ownUv();

Deno.test("a Flask application with httpx runs where nothing is installed", async (t) => {
  await using dir = await projectCopy("flask-app");
  await using cache = await tempDir();
  const { stdout } = await packIn(dir, "--runtime", PREFIX, "--smoke");
  const path = dir.at("dist", "guestbook.psp");
  // Another user, even where root runs the tests: modes mean something.
  for (const one of [dir.path, cache.path]) await Deno.chmod(one, 0o755);
  await giveToStranger(cache.path);

  await t.step("it says what it needs of a machine", () => {
    assertStringIncludes(stdout, "needs  glibc >= 2.");
  });

  await t.step(
    "it runs its own interpreter and nothing of this machine",
    async () => {
      const { code, stdout, stderr } = await startAsStranger(
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
    const { stdout } = await startAsStranger(
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
      const { code, stderr } = await startAsStranger(path, [], cache.path);
      await run("chmod", ["-R", "u+w", cache.path]);
      assertEquals(code, 0, stderr);
      assertEquals(await files(), before);
    },
  );

  await t.step("every module is compiled, and no start checks it", async () => {
    const site = cache.at("workenv", await workenvOf(cache.path), "python");
    const { stdout } = await run("sh", [
      "-c",
      'cd "$1" && find . -name "*.pyc" -exec head -c 8 {} \\; | od -An -v -t x4 -w8 | awk \'{ print $2 }\' | sort | uniq -c',
      "-",
      site,
    ]);
    const [[count, flags] = [], ...others] = stdout.trim().split("\n")
      .map((line) => line.trim().split(" "));
    // 1: by its hash, which nobody compares.
    assertEquals([flags, others], ["00000001", []]);
    assert(Number(count) > 500, stdout);
  });

  await t.step("settings of another Python do not get in", async () => {
    await using mine = await tempDir();
    await mine.write("evil/flask.py", "raise SystemExit(99)\n");
    const { code, stderr } = await run("env", [
      "-i",
      `FLAVOR_CACHE=${mine.at("cache")}`,
      `PYTHONPATH=${mine.at("evil")}`,
      "PYTHONHOME=/nonexistent",
      path,
    ]);
    assertEquals(code, 0, stderr);
  });

  await t.step("its list of components is that of uv", async () => {
    const place = "*-packages/flask";
    const flask = await run("find", [cache.path, "-path", place]);
    const { stdout } = await run(UV, [
      "pip",
      "list",
      "--format=freeze",
      "--target",
      join(flask.stdout.trim(), ".."),
    ], { env: PACK_ENV });
    const listed = stdout.trim().toLowerCase().split("\n")
      .filter((line) => !line.startsWith("guestbook")).sort();
    assert(listed.some((line) => line.startsWith("flask==")), stdout);
    assertEquals(await librariesOf(path), listed);
  });

  await t.step("that list is CycloneDX and SPDX to others", async () => {
    await assertStandardSbom(path);
  });

  await t.step("a dry run shows the manifest", async () => {
    const { stdout } = await packIn(dir, "--runtime", PREFIX, "--dry-run");
    assertStringIncludes(stdout, '[package]\nname = "guestbook"\n');
    assertStringIncludes(
      stdout,
      'id = "packages"\nsource = ".flavor/packages"',
    );
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
  // So are the digests: what the registry sends now is not what was locked.
  const lock = await Deno.readTextFile(dir.at("uv.lock"));
  const wheel = /flask-3\.0\.3-py3-none-any\.whl", hash = "sha256:[0-9a-f]{8}/;
  await Deno.writeTextFile(
    dir.at("uv.lock"),
    lock.replace(wheel, (found) => `${found.slice(0, -8)}00000000`),
  );
  const refused = await flavor(["pack", "--runtime", PREFIX], {
    cwd: dir.path,
    env: PACK_ENV,
  });
  assertEquals(refused.code, 6, refused.stderr);
  assertStringIncludes(refused.stderr, "Hash mismatch");
});

interface Packed {
  readonly slots: readonly { readonly id: string; readonly sha256: string }[];
}

Deno.test("applications share what they have in common, whatever starts them", async (t) => {
  await using one = await tempDir();
  await using other = await tempDir();
  await using cache = await tempDir();
  // This one has no wheel: it is built here.
  const needs =
    'requires-python = ">=3.11"\ndependencies = ["docopt==0.6.2"]\n';
  await one.write(
    "pyproject.toml",
    `[project]
name = "dynamic"
dynamic = ["version"]
${needs}
[build-system]
requires = ["hatchling"]
build-backend = "hatchling.build"
[tool.hatch.version]
path = "src/dynamic/__init__.py"
[tool.flavor]
entry = "dynamic:main"
args = ["first"]
env = { MODE = "set" }
`,
  );
  await one.write(
    "src/dynamic/__init__.py",
    `import os, sys
__version__ = "4.5.6"
def main(): print("main", os.environ["MODE"], *sys.argv[1:])
def other(): return "other"
`,
  );
  await other.write(
    "pyproject.toml",
    `[project]\nname = "flat"\nversion = "1"\n${needs}`,
  );
  await other.write("app.py", 'import docopt; print("flat")\n');
  await other.write("secret.txt", "");
  const pack = async (dir: TempDir, ...args: string[]): Promise<Packed> =>
    JSON.parse(
      (await packIn(dir, "--runtime", PREFIX, "--json", ...args)).stdout,
    );
  const start = async (dir: TempDir, name: string): Promise<string> =>
    (await startBare(dir.at("dist", `${name}.psp`), ["x"], cache.path)).stdout;
  const first = await pack(one);
  const second = await pack(other, "--exclude", "secret.txt");

  await t.step("interpreter and dependencies are the same slots", () => {
    for (const id of ["python", "packages"]) {
      const [a, b] = [first, second].map(({ slots }) =>
        slots.find((slot) => slot.id === id)?.sha256
      );
      assert(a !== undefined);
      assertEquals(a, b, id);
    }
  });
  await t.step("the version is that of the wheel", async () => {
    const { stdout } = await flavor([
      "inspect",
      one.at("dist", "dynamic.psp"),
      "--json",
    ]);
    assertEquals(JSON.parse(stdout).package_metadata.version, "4.5.6");
  });
  await t.step("[tool.flavor] says what is started, and how", async () => {
    assertEquals(await start(one, "dynamic"), "main set first x\n");
  });
  await t.step(
    "--entry says it over that",
    async () => {
      await pack(one, "--entry", "dynamic:other");
      const { code, stderr } = await startBare(
        one.at("dist", "dynamic.psp"),
        [],
        cache.path,
      );
      // What a script returns is how it ends.
      assertEquals([code, stderr], [1, "other\n"]);
    },
  );
  await t.step("a project without a build system is copied", async () => {
    assertEquals(await start(other, "flat"), "flat\n");
    const { stdout } = await flavor([
      "inspect",
      other.at("dist", "flat.psp"),
      "--tree",
    ]);
    assertStringIncludes(stdout, "app.py");
    assert(!stdout.includes("secret.txt"));
  });
});

Deno.test("the Python of the system takes along what it needs of the machine", async () => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  const hasOne = await Deno.stat("/usr/bin/python3").then(
    () => true,
    () => false,
  );
  await dir.write(
    "pyproject.toml",
    `[project]
name = "own"
version = "1"
dependencies = []
[project.optional-dependencies]
web = ["idna"]
[tool.flavor]
extras = ["web"]
`,
  );
  await dir.write(
    "main.py",
    `import ctypes, idna, sqlite3, ssl, zlib
for line in open("/proc/self/maps"):
    if ".so" in line: print(line.split()[-1])
`,
  );
  await packIn(dir, "--runtime", hasOne ? "/usr" : PREFIX);
  const { code, stdout, stderr } = await startBare(
    dir.at("dist", "own.psp"),
    [],
    cache.path,
  );
  assertEquals(code, 0, stderr);
  const libraries = new Set(stdout.trim().split("\n"));
  const others = [...libraries].filter((one) => !one.startsWith(cache.path));
  assert([...libraries].some((one) => /libssl/.test(one)), stdout);
  assertEquals(
    others.filter((one) =>
      !/\/(?:ld-linux|lib[cm]\.so|libpthread|libdl)/.test(one)
    ),
    [],
  );
});

Deno.test("what would only start here is no interpreter to pack", async (t) => {
  await using dir = await tempDir();
  await using cache = await tempDir();
  await dir.write(
    "pyproject.toml",
    '[project]\nname = "x"\nversion = "1"\ndependencies = []\n',
  );
  await dir.write("main.py", "");
  const fails = async (
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
  ): Promise<string> => {
    const { code, stderr } = await flavor(["pack", ...args], {
      cwd: dir.path,
      env: { ...PACK_ENV, FLAVOR_CACHE: cache.path, ...env },
    });
    assertEquals(code, 6, stderr);
    return stderr;
  };
  await t.step("one that looks for its library elsewhere", async () => {
    const lib = await libraryName();
    const real = join(PREFIX, "bin", lib);
    await dir.write(
      `fixed/bin/${lib}`,
      `#!/bin/sh\nexec ${real} "$@"\n`,
      0o755,
    );
    await dir.write(`fixed/lib/${lib}/site.py`, "");
    assertStringIncludes(
      await fails(["--runtime", "./fixed"]),
      `takes its library from "${PREFIX}"`,
    );
  });
  await t.step("no uv, and nothing to get it with", async () => {
    const said = await fails([], { PATH: "", XDG_DATA_HOME: dir.at("data") });
    assertStringIncludes(said, "neither uv nor Python is on PATH");
    assertStringIncludes(said, "pipx install uv");
  });
});

/** A mirror for uv on loopback, whose distributions are made from the interpreter of this machine. */
async function serveInterpreters(dir: TempDir): Promise<{
  readonly server: Deno.HttpServer<Deno.NetAddr>;
  readonly list: string;
  readonly asked: readonly string[];
}> {
  const packed = await run("tar", [
    "-czf",
    dir.at("python.tar.gz"),
    "--transform",
    "s,^[.],python,rSH",
    "-C",
    await movablePython(PREFIX),
    ".",
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
  const entries = [HERE.uv, THERE.uv].map((arch) => [
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
  assertEquals(asked, [`/${HERE.uv}.tar.gz`]);
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
  const env = {
    ...PACK_ENV,
    PATH: `${join(UV, "..")}:${Deno.env.get("PATH")}`,
    XDG_DATA_HOME: await standInLaunchers(dir),
    FLAVOR_CACHE: cache.path,
    UV_PYTHON_DOWNLOADS_JSON_URL: list,
  };
  const args = ["pack", "--target", THERE.platform, "--output", "far.psp"];
  await t.step(
    "the stand-in is no interpreter for it, which is noticed",
    async () => {
      const { code, stderr } = await flavor(args, { cwd: dir.path, env });
      assertEquals(code, 6, stderr);
      assertStringIncludes(
        stderr,
        `is for ${HERE.platform}, and the package is for ${THERE.platform}`,
      );
      const both = [THERE.uv, HERE.uv].map((one) => `/${one}.tar.gz`);
      assertEquals([...asked].sort(), both.sort());
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
    assertStringIncludes(
      stdout,
      THERE.go === "arm64" ? "AArch64" : "X86-64",
    );
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
      assertStringIncludes(stderr, `Cannot pack for ${THERE.platform}`);
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
      "is not an installation of CPython",
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
