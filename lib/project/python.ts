import { join } from "@std/path";
import { parse as parseToml } from "@std/toml/parse";
import { isPspfError, PspfError } from "../errors.ts";
import type { JsonValue } from "../errors.ts";
import { platformName } from "../launchers/platform.ts";
import { planManifest } from "../manifest/plan_manifest.ts";
import type { FoundSource } from "../pack/slot_source.ts";
import {
  compileTree,
  type Distribution,
  preparePython,
  type PythonRuntime,
  settlePackages,
  WHEEL_PLATFORMS,
} from "../runtimes/python.ts";
import { keepInCache, shortDigest, toolCache } from "../runtimes/tools.ts";
import { findUv, type Uv } from "../runtimes/uv.ts";
import {
  cannotPackFor,
  type ProjectAdapter,
  type ProjectPackage,
  type ProjectRequest,
  readDocument,
  settle,
  unclearStart,
} from "./project.ts";
import type { Component } from "./sbom.ts";
import { type ProjectSettings, readSettings } from "./settings.ts";
import { copyProject, textSource, treeSource } from "./trees.ts";

/** Projects with a `pyproject.toml`. */
export const PYTHON: ProjectAdapter = {
  name: "python",
  matches: (names) => names.has("pyproject.toml"),
  plan: planPython,
};

interface PyProject {
  readonly project?: {
    readonly name?: string;
    readonly version?: string;
    readonly description?: string;
    readonly "requires-python"?: string;
    readonly dynamic?: readonly string[];
    readonly scripts?: Readonly<Record<string, string>>;
    readonly dependencies?: readonly string[];
  };
  readonly "build-system"?: unknown;
  readonly tool?: { readonly flavor?: unknown };
}

/** Goes into cache keys: what was installed by other rules is not used. */
const RECIPE = 1;
/** Where the interpreter is in the workenv. */
const HOME = "python";

async function planPython(request: ProjectRequest): Promise<ProjectPackage> {
  const { path, host, target, work, say } = request;
  const document = await readToml<PyProject>(
    join(path, "pyproject.toml"),
    host.reader,
  );
  const { project } = document;
  const where = "[tool.flavor] of pyproject.toml";
  const { settings, warnings } = readSettings(document.tool?.flavor, where);
  const wanted = settle(settings, request.overrides);
  const uv = await findUv(host, say);
  const pinned = await readLine(join(path, ".python-version"), host.reader);
  const runtime = await preparePython({
    runtime: wanted.runtime ??
      (/^3\.[\d.]+$/.test(pinned ?? "") ? `python@${pinned}` : undefined),
    requires: project?.["requires-python"],
    target,
    work,
    uv,
    say,
  }, host);
  const packages = await installPackages(request, wanted, runtime, uv);
  const app = await installProject(request, document, wanted, runtime, uv);
  const name = wanted.package_name ?? wanted.metadata?.package_name ??
    project?.name ?? app.distribution?.name;
  const version = project?.version ?? app.distribution?.version ??
    (document["build-system"] === undefined ? "0.0.0" : undefined);
  if (name === undefined || version === undefined) {
    throw new PspfError(
      "manifest/invalid",
      `Cannot use pyproject.toml: ${
        name === undefined ? "project.name" : "project.version"
      } is missing, and no wheel says it`,
      { context: { path }, hint: "Write a [project] table" },
    );
  }
  const python = `{workenv}/${HOME}/${runtime.program}`;
  const entry = chooseEntry(name, app, wanted);
  const sources = new Map<string, FoundSource>([
    ["python", await treeSource(runtime.directory, host.reader)],
    ["packages", await treeSource(packages.directory, host.reader)],
    ["app", await treeSource(app.directory, host.reader)],
  ]);
  if (entry.start !== undefined) {
    sources.set("start", textSource(entry.start, "start.py"));
  }
  // deno-fmt-ignore: one row for each slot
  const slots = [
    { id: "python", source: `cpython-${runtime.version}`, target: HOME, purpose: "runtime" },
    { id: "packages", source: "dependencies", target: "{workenv}", purpose: "library" },
    { id: "app", source: ".", target: "{workenv}", purpose: "code" },
    { id: "start", source: "start.py", target: "app/start.py", purpose: "code" },
  ].filter(({ id }) => sources.has(id));
  const plan = planManifest({
    package: { name, version, ...described(project?.description) },
    execution: {
      argv: [python, ...entry.argv],
      args: wanted.args ?? [],
      env: wanted.env ?? {},
      primary_slot: "app",
    },
    runtime: { env: environment(wanted) },
    slots,
  }, { format: "toml", name: "pyproject.toml" });
  return {
    plan: { ...plan, warnings: [...warnings, ...plan.warnings] },
    sources,
    components: [
      {
        type: "platform",
        name: "cpython",
        version: runtime.version,
        purl: `pkg:generic/cpython@${runtime.version}`,
        license: "PSF-2.0",
        description: "The Python interpreter and its standard library",
      },
      ...packages.components,
    ],
  };
}

/** What of a shell's settings for other Pythons would break this one. */
function environment(
  { execution }: ProjectSettings,
): Readonly<Record<string, JsonValue>> {
  const own = execution?.runtime?.env ?? {};
  return {
    ...own,
    unset: [
      "PYTHONPATH",
      "PYTHONHOME",
      "PYTHONSTARTUP",
      "PYTHONUSERBASE",
      "VIRTUAL_ENV",
      "UV_PROJECT_ENVIRONMENT",
      ...own.unset ?? [],
    ],
    // The tree stays as it was signed, and nothing of the user's gets in.
    set: {
      PYTHONNOUSERSITE: "1",
      PYTHONDONTWRITEBYTECODE: "1",
      ...own.set,
    },
  };
}

function described(
  description: string | undefined,
): { readonly description?: string } {
  return description === undefined ? {} : { description };
}

/** Other tools have dates and more in their tables, which flavor's manifests refuse. */
function readToml<T>(
  path: string,
  reader: ProjectRequest["host"]["reader"],
): Promise<T> {
  return readDocument(path, parseToml, reader);
}

async function readLine(
  path: string,
  reader: ProjectRequest["host"]["reader"],
): Promise<string | undefined> {
  if (await reader.facts(path) === undefined) return undefined;
  const text = new TextDecoder().decode(await reader.readBytes(path, 4096));
  return text.split("\n")[0]?.trim();
}

interface Packages {
  /** Holds `bin` and the interpreter's own place for packages. */
  readonly directory: string;
  readonly components: readonly Component[];
}

/** What a lock file says of a package. */
interface LockedPackage {
  readonly name: string;
  readonly version?: string;
  readonly wheels?: readonly LockedFile[];
  readonly sdist?: LockedFile;
  readonly directory?: unknown;
  readonly vcs?: unknown;
}
interface LockedFile {
  readonly name?: string;
  readonly url?: string;
  readonly path?: string;
  readonly hashes: Readonly<Record<string, string>>;
}

/** Resolves and installs the dependencies, or takes them from an earlier build. */
async function installPackages(
  request: ProjectRequest,
  { extras = [] }: ProjectSettings,
  runtime: PythonRuntime,
  uv: Uv,
): Promise<Packages> {
  const { path, host, target, work, say } = request;
  const platform = WHEEL_PLATFORMS[platformName(target)] as string;
  const file = join(work, "pylock.toml");
  const extra = extras.flatMap((name) => ["--extra", name]);
  const isLocked = await host.reader.facts(join(path, "uv.lock")) !== undefined;
  say(isLocked ? "reading uv.lock" : "resolving dependencies");
  if (isLocked) {
    // deno-fmt-ignore
    await uv.run("read uv.lock", ["export", "--quiet", "--frozen", "--no-dev", "--no-emit-project",
      "--no-header", "--format", "pylock.toml", "--output-file", file, ...extra], { cwd: path });
  } else {
    // deno-fmt-ignore
    await uv.run("resolve the dependencies", ["pip", "compile", "--quiet", "pyproject.toml", "--no-header",
      "--format", "pylock.toml", "--output-file", file, "--python", runtime.hostProgram,
      "--python-version", runtime.version, "--python-platform", platform, ...extra], { cwd: path });
  }
  const lock = await readToml<{ readonly packages?: readonly LockedPackage[] }>(
    file,
    host.reader,
  );
  const locked = lock.packages ?? [];
  const key = await shortDigest([RECIPE, runtime, platform, locked]);
  const cached = join(await toolCache("packages", host), key);
  const isFixed = locked.every((one) =>
    one.directory === undefined && one.vcs === undefined
  );
  if (!isFixed || await host.reader.facts(cached) === undefined) {
    say(`installing ${locked.length} packages`);
    const site = join(work, "site");
    const isHere = host.machine.platform === platformName(target);
    try {
      // deno-fmt-ignore
      await uv.run("install the dependencies", ["pip", "install", "--quiet", "--no-deps",
        "--target", site, "--link-mode", "copy", "--python", runtime.hostProgram,
        "--python-version", runtime.version, "--python-platform", platform,
        ...(isHere ? [] : ["--only-binary", ":all:"]), "--requirements", file], { cwd: path });
    } catch (error) {
      if (isHere || !isPspfError(error)) throw error;
      throw cannotPackFor(
        target,
        `not every dependency has a wheel for it, and what has only a source distribution would have to be compiled there\n${error.message}`,
        error.context,
        error,
      );
    }
    const made = join(work, "packages");
    const found = await settleInto(made, site, runtime, request);
    const sink = await host.writer.createSink(join(made, "packages.json"));
    await sink.write(new TextEncoder().encode(JSON.stringify(found)));
    await sink.commit();
    await sink[Symbol.asyncDispose]();
    await keepInCache(
      made,
      isFixed ? cached : join(work, "kept-packages"),
      host,
    );
  }
  const kept = isFixed ? cached : join(work, "kept-packages");
  const list = await host.reader.readBytes(
    join(kept, "packages.json"),
    16 * 1024 * 1024,
  );
  const distributions: readonly Distribution[] = JSON.parse(
    new TextDecoder().decode(list),
  );
  return {
    directory: join(kept, "tree"),
    components: distributions.map((one) => describe(one, locked)),
  };
}

/** Moves what uv installed to where the interpreter looks, and compiles it. */
async function settleInto(
  directory: string,
  site: string,
  runtime: PythonRuntime,
  { host }: ProjectRequest,
): Promise<readonly Distribution[]> {
  const tree = join(directory, "tree");
  const place = join(tree, HOME, runtime.site);
  await host.writer.makeDirectory(join(place, ".."));
  if (await host.reader.facts(site) === undefined) {
    await host.writer.makeDirectory(site);
  }
  await host.writer.rename(site, place);
  const found = await settlePackages(runtime.hostProgram, {
    site: place,
    bin: join(tree, "bin"),
    python: `../${HOME}/${runtime.program}`,
  }, host);
  await compileTree(runtime.hostProgram, place, place, host);
  return found;
}

/** A distribution as a part of the package; its digest is that of the file it came in. */
function describe(
  { name, version, license, summary, tags }: Distribution,
  locked: readonly LockedPackage[],
): Component {
  const normal = name.toLowerCase().replaceAll(/[-_.]+/g, "-");
  const entry = locked.find((one) => one.name === normal);
  const wheel = entry?.wheels?.find((file) => hasTag(file, tags));
  const sha256 = (wheel ?? entry?.sdist)?.hashes["sha256"];
  return {
    type: "library",
    name,
    version,
    purl: `pkg:pypi/${normal}@${encodeURIComponent(version)}`,
    license: license ?? undefined,
    description: summary ?? undefined,
    hashes: sha256 === undefined
      ? undefined
      : [{ alg: "SHA-256", content: sha256 }],
  };
}

/** Whether a wheel's file name stands for one of the tags that were installed. */
function hasTag(
  { name, url, path }: LockedFile,
  tags: readonly string[],
): boolean {
  const file = name ?? (url ?? path ?? "").split("/").at(-1) ?? "";
  const parts = file.replace(/\.whl$/, "").split("-").slice(-3);
  const [pythons = "", abis = "", platforms = ""] = parts;
  const written = pythons.split(".").flatMap((python) =>
    abis.split(".").flatMap((abi) =>
      platforms.split(".").map((platform) => `${python}-${abi}-${platform}`)
    )
  );
  return written.some((tag) => tags.includes(tag));
}

interface App {
  /** Everything that the slot holds. */
  readonly directory: string;
  /** What the wheel says, where there is one. */
  readonly distribution: Distribution | undefined;
  /** Names of modules and packages at the top of it. */
  readonly modules: ReadonlySet<string>;
  /** Files at the top of a project that is no package. */
  readonly files: ReadonlySet<string>;
}

/** Builds the project's wheel and unpacks it; a project that is no package is copied. */
async function installProject(
  request: ProjectRequest,
  document: PyProject,
  wanted: ProjectSettings,
  runtime: PythonRuntime,
  uv: Uv,
): Promise<App> {
  const { path, host, work, say } = request;
  const { reader, writer } = host;
  const directory = join(work, "app");
  const tree = join(directory, "tree");
  if (document["build-system"] === undefined) {
    const app = join(tree, "app");
    await copyProject(path, app, wanted, host);
    await compileTree(runtime.hostProgram, app, app, host);
    const files = new Set(await reader.list(app));
    return {
      directory: tree,
      distribution: undefined,
      modules: new Set(),
      files,
    };
  }
  say("building the project's wheel");
  const copy = join(work, "source");
  const keepsHistory = document.project?.dynamic?.includes("version") ?? false;
  await copyProject(path, copy, wanted, host, keepsHistory ? [".git"] : []);
  const wheels = join(work, "wheel");
  // deno-fmt-ignore
  await uv.run("build the project", ["build", "--quiet", "--wheel", "--no-sources", "--out-dir", wheels,
    "--python", runtime.hostProgram, copy],
    { env: { SOURCE_DATE_EPOCH: host.env.get("SOURCE_DATE_EPOCH") || "315532800" } });
  const wheel = (await reader.list(wheels)).find((name) =>
    name.endsWith(".whl")
  );
  if (wheel === undefined) {
    throw new PspfError("build/failed", "The project's build made no wheel", {
      context: { path },
    });
  }
  const isPure = wheel.endsWith("-any.whl");
  if (!isPure && host.machine.platform !== platformName(request.target)) {
    throw cannotPackFor(
      request.target,
      `the project itself is compiled (its wheel is ${wheel})`,
      { wheel },
    );
  }
  const site = join(work, "app-site");
  // deno-fmt-ignore
  await uv.run("unpack the project's wheel", ["pip", "install", "--quiet", "--no-deps", "--no-index",
    "--target", site, "--link-mode", "copy", "--python", runtime.hostProgram,
    "--python-version", runtime.version,
    "--python-platform", WHEEL_PLATFORMS[platformName(request.target)] as string, join(wheels, wheel)]);
  const [distribution] = await settleInto(directory, site, runtime, request);
  const names = await reader.list(join(tree, HOME, runtime.site));
  await writer.remove(copy);
  return {
    directory: tree,
    distribution,
    modules: new Set(names.map((name) => name.replace(/\.py$/, ""))),
    files: new Set(),
  };
}

interface Entry {
  /** What follows the interpreter. */
  readonly argv: readonly string[];
  /** The program that starts the chosen script, where one is needed. */
  readonly start?: string;
}

/** What is started: the entry that was named, else the script of the project's name, else the only one. */
function chooseEntry(
  name: string,
  { distribution, modules, files }: App,
  { entry }: ProjectSettings,
): Entry {
  const scripts = { ...distribution?.scripts };
  const names = Object.keys(scripts);
  const unclear = (reason: string): PspfError =>
    unclearStart(reason, names, "module:function, a module, or main.py");
  if (entry === undefined) {
    const own = names.find((one) => one === distribution?.name) ??
      names.find((one) => one === name) ??
      (names.length === 1 ? names[0] : undefined);
    if (own !== undefined) return startScript(own, scripts);
    if (names.length > 1) {
      throw unclear(
        `it has ${names.length} scripts, and none is called "${name}"`,
      );
    }
    const module = name.replaceAll(/[-.]/g, "_");
    if (modules.has(module)) return { argv: ["-m", module] };
    const file = ["main.py", "app.py", "__main__.py"].find((one) =>
      files.has(one)
    );
    if (file !== undefined) return { argv: [`{workenv}/app/${file}`] };
    throw unclear("it has no [project.scripts]");
  }
  if (Object.hasOwn(scripts, entry)) return startScript(entry, scripts);
  if (/^[\w.]+:[\w.]+$/.test(entry)) {
    return startScript(name, { [name]: entry, ...scripts });
  }
  if (entry.endsWith(".py")) return { argv: [`{workenv}/app/${entry}`] };
  if (/^[\w.]+$/.test(entry)) return { argv: ["-m", entry] };
  throw unclear(
    `"${entry}" is neither a script nor module:function nor a module nor a file`,
  );
}

/**
 * A program that runs a script as its own wrapper would. The scripts beside the
 * chosen one run when the package is called by their name.
 */
function startScript(
  chosen: string,
  scripts: Readonly<Record<string, string>>,
): Entry {
  const table = Object.entries(scripts).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, target]) =>
      `    ${pythonText(name)}: ${pythonText(target)},\n`
    );
  return {
    argv: ["{workenv}/app/start.py"],
    start: `import os
import sys

SCRIPTS = {
${table.join("")}}

if __name__ == "__main__":
    name = os.environ.get("FLAVOR_COMMAND_NAME", "")
    if name not in SCRIPTS:
        name = ${pythonText(chosen)}
    here = sys.path.pop(0)
    sys.argv[0] = os.path.join(os.path.dirname(here), "bin", name)
    module, _, path = SCRIPTS[name].partition(":")
    __import__(module)
    target = sys.modules[module]
    for part in path.split("."):
        target = getattr(target, part)
    sys.exit(target())
`,
  };
}

/** JSON's strings are Python's, but for what no name holds. */
function pythonText(text: string): string {
  return JSON.stringify(text);
}
