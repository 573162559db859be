import { basename, join } from "@std/path";
import { PspfError } from "../errors.ts";
import { filterTree } from "../io/file_tree.ts";
import { type Platform, platformName } from "../launchers/platform.ts";
import { planManifest } from "../manifest/plan_manifest.ts";
import type { FoundSource } from "../pack/slot_source.ts";
import { prepareNode, type ScriptRuntime } from "../runtimes/node.ts";
import { findNpm, packTarball, unpackTarball } from "../runtimes/npm.ts";
import { findProgram, runTool, type ToolHost } from "../runtimes/tools.ts";
import {
  cannotPackFor,
  type ProjectAdapter,
  type ProjectPackage,
  type ProjectRequest,
  readDocument,
  settle,
  unclearStart,
} from "./project.ts";
import { type Component, npmHashes } from "./sbom.ts";
import { type ProjectSettings, readSettings } from "./settings.ts";
import { copyProject, projectTree, textSource } from "./trees.ts";

/** Projects with a `package.json`. */
export const NODE: ProjectAdapter = {
  name: "node",
  matches: (names) => names.has("package.json"),
  plan: planNode,
};

interface PackageJson {
  readonly name?: string;
  readonly version?: string;
  readonly description?: string;
  readonly bin?: string | Readonly<Record<string, string>>;
  readonly main?: string;
  readonly scripts?: Readonly<Record<string, string>>;
  readonly engines?: { readonly node?: string };
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
  readonly os?: string | readonly string[];
  readonly cpu?: string | readonly string[];
  readonly license?: unknown;
  readonly flavor?: unknown;
}

const MAX_FILE = 64 * 1024 * 1024;

async function planNode(request: ProjectRequest): Promise<ProjectPackage> {
  const { path, host, target, work, say } = request;
  const { reader } = host;
  const file = join(path, "package.json");
  const document = await readJson<PackageJson>(file, reader);
  const where = '"flavor" in package.json';
  const { settings, warnings } = readSettings(document.flavor, where);
  const wanted = settle(settings, request.overrides);
  const runtime = await prepareNode({
    runtime: wanted.runtime,
    range: await pinnedVersion(path, reader) ?? document.engines?.node,
    target,
    path,
    work,
    say,
  }, host);
  const app = join(work, "app");
  await copyPublished(request, document, wanted, app);
  const installed = await install(request, document, runtime, app);
  const name = wanted.package_name ?? document.name?.split("/").at(-1) ??
    basename(path);
  const program = target.os === "windows"
    ? "node/bin/node.exe"
    : "node/bin/node";
  const bins = binsOf(document, name);
  const entry = await chooseEntry(document, bins, name, wanted, app, reader);
  const license = runtime.directory && join(runtime.directory, "LICENSE");
  const sources = new Map<string, FoundSource>([
    ["node", {
      kind: "file",
      mode: 0o755,
      open: () => reader.openSource(runtime.program),
    }],
    ["app", {
      kind: "directory",
      // npm takes whatever git does not ignore, earlier packages included.
      tree: filterTree(
        await projectTree(app, [".flavorignore"], reader),
        // What only installing needs, tokens of registries included.
        (one) => !INSTALL_SETTINGS.includes(one) && one !== ".yarn",
      ),
    }],
  ]);
  if (license !== undefined && await reader.facts(license) !== undefined) {
    sources.set("node-license", {
      kind: "file",
      mode: 0o644,
      open: () => reader.openSource(license),
    });
  }
  const modules = join(app, "node_modules");
  if (await reader.facts(modules) !== undefined) {
    sources.set("packages", {
      kind: "directory",
      tree: filterTree(
        await reader.openTree(modules),
        (one, isDirectory) => isNeeded(one, isDirectory, target),
      ),
    });
  }
  if (entry.start !== undefined) {
    sources.set("start", textSource(entry.start, "start.cjs"));
  }
  // deno-fmt-ignore: one row for each slot
  const slots = [
    { id: "node", source: `node-${runtime.version}`, target: program, purpose: "runtime" },
    { id: "node-license", source: "LICENSE", target: "node/LICENSE" },
    { id: "packages", source: "node_modules", target: "app/node_modules", purpose: "library" },
    { id: "app", source: ".", target: "app", purpose: "code" },
    { id: "start", source: "start.cjs", target: "start.cjs", purpose: "code" },
  ].filter(({ id }) => sources.has(id));
  const own = wanted.execution?.runtime?.env ?? {};
  const plan = planManifest({
    package: {
      name,
      version: document.version ?? "0.0.0",
      ...(document.description && { description: document.description }),
    },
    execution: {
      argv: [`{workenv}/${program}`, entry.file],
      args: wanted.args ?? [],
      env: wanted.env ?? {},
      primary_slot: "app",
    },
    // What of a shell's settings for other programs would get in.
    runtime: {
      env: { ...own, unset: ["NODE_OPTIONS", "NODE_PATH", ...own.unset ?? []] },
    },
    slots,
  }, { format: "toml", name: "package.json" });
  return {
    plan: {
      ...plan,
      warnings: [...warnings, ...installed.warnings, ...plan.warnings],
    },
    sources,
    components: [
      {
        type: "platform",
        name: "node",
        version: runtime.version,
        purl: runtime.packageName === undefined
          ? `pkg:generic/node@${runtime.version}`
          : `pkg:npm/${runtime.packageName}@${runtime.version}`,
        license: "MIT",
        description: "Node.js",
      },
      ...installed.components,
    ],
  };
}

function readJson<T>(path: string, reader: ToolHost["reader"]): Promise<T> {
  return readDocument(path, JSON.parse, reader);
}

/** `.nvmrc` and `.node-version` hold one version; names of releases mean nothing to a registry. */
async function pinnedVersion(
  path: string,
  reader: ToolHost["reader"],
): Promise<string | undefined> {
  for (const name of [".nvmrc", ".node-version"]) {
    const file = join(path, name);
    if (await reader.facts(file) === undefined) continue;
    const text = new TextDecoder().decode(await reader.readBytes(file, 4096));
    const version = /^v?(\d+(?:\.\d+)*)\s*$/.exec(text.trim())?.[1];
    if (version !== undefined) return version;
  }
  return undefined;
}

/** Lock files, with who reads them; the first that lies there counts. */
const LOCKS = [
  ["package-lock.json", "npm"],
  ["npm-shrinkwrap.json", "npm"],
  ["pnpm-lock.yaml", "pnpm"],
  ["yarn.lock", "yarn"],
] as const;

const INSTALL_SETTINGS: readonly string[] = [
  ".npmrc",
  ".yarnrc",
  ".yarnrc.yml",
  "pnpm-workspace.yaml",
];

/** Copies what `npm pack` would publish; a project without a version is copied by its ignore file. */
async function copyPublished(
  { path, host, work }: ProjectRequest,
  { name, version }: PackageJson,
  files: ProjectSettings,
  to: string,
): Promise<void> {
  const { reader, writer } = host;
  const isChosen = (files.include?.length ?? 0) + (files.exclude?.length ?? 0) >
    0;
  if (name === undefined || version === undefined || isChosen) {
    return await copyProject(path, to, files, host);
  }
  const npm = await findNpm(path, "choose the project's files", host);
  const tarball = await packTarball(".", work, npm);
  const draft = join(work, "published");
  await unpackTarball(tarball, draft, host);
  await writer.rename(join(draft, "package"), to);
  for (const one of [...LOCKS.map(([lock]) => lock), ...INSTALL_SETTINGS]) {
    const from = join(path, one);
    if ((await reader.facts(from))?.kind !== "file") continue;
    await using sink = await writer.createSink(join(to, one), {
      replace: true,
    });
    await sink.write(await reader.readBytes(from, MAX_FILE));
    await sink.commit();
  }
}

interface Installed {
  readonly components: readonly Component[];
  readonly warnings: readonly string[];
}

/** Installs what the project needs at run time, by the tool whose lock file lies there. */
async function install(
  request: ProjectRequest,
  document: PackageJson,
  runtime: ScriptRuntime,
  app: string,
): Promise<Installed> {
  const { host, target, say } = request;
  const { reader } = host;
  const names = new Set(await reader.list(app));
  const lock = LOCKS.find(([name]) => names.has(name));
  const needs = Object.keys({
    ...document.dependencies,
    ...document.optionalDependencies,
  });
  const isHere = host.machine.platform === platformName(target);
  if (needs.length === 0 && lock === undefined) {
    return { components: [], warnings: [] };
  }
  say(`installing dependencies${lock === undefined ? "" : ` of ${lock[0]}`}`);
  if (lock === undefined || lock[1] === "npm") {
    const npm = await findNpm(app, "install the dependencies", host);
    const platform = [
      `--os=${target.os === "windows" ? "win32" : target.os}`,
      `--cpu=${target.arch === "amd64" ? "x64" : "arm64"}`,
      ...(target.os === "linux" ? ["--libc=glibc"] : []),
    ];
    // deno-fmt-ignore
    await npm.run("install the dependencies", [lock === undefined ? "install" : "ci",
      "--omit=dev", "--ignore-scripts", ...platform]);
  } else {
    await installWith(lock[1], app, host);
  }
  const components = await listPackages(app, reader);
  // npm was told the target; the others install for this machine.
  const foreign = components.filter(({ own }) => !isMadeFor(own, target))
    .map(({ component }) => component.name);
  if (foreign.length > 0) {
    throw cannotPackFor(
      target,
      `${foreign.join(", ")} were installed for this machine`,
      { packages: foreign },
    );
  }
  const compiled = await findCompiled(app, components, target, reader);
  if (compiled.length > 0) {
    await compile(compiled, runtime, isHere, request, app);
  }
  return {
    components: components.map(({ component }) => component),
    warnings: lock === undefined
      ? [
        "there is no lock file: the newest matching versions of the dependencies are packed",
      ]
      : [],
  };
}

async function installWith(
  tool: "pnpm" | "yarn",
  app: string,
  host: ToolHost,
): Promise<void> {
  const program = await findProgram(tool, host);
  if (program === undefined) {
    throw new PspfError(
      "build/failed",
      `The project is locked by ${tool}, which is not on PATH`,
      {
        context: { program: tool },
        hint: `Install it: npm install -g ${tool}`,
      },
    );
  }
  const env = {
    CI: "true",
    YARN_NODE_LINKER: "node-modules",
    YARN_ENABLE_SCRIPTS: "false",
    YARN_ENABLE_TELEMETRY: "0",
    // The project may bring its own Yarn, which is not in the copy.
    YARN_IGNORE_PATH: "1",
  };
  const install = (...args: readonly string[]): Promise<string> =>
    runTool("install the dependencies", { program, args, cwd: app, env }, host);
  if (tool === "pnpm") {
    // deno-fmt-ignore
    await install("install", "--frozen-lockfile", "--prod", "--ignore-scripts", "--config.node-linker=hoisted",
      "--config.package-import-method=copy");
    return;
  }
  const lock = await host.reader.readBytes(join(app, "yarn.lock"), MAX_FILE);
  // Yarn 2 and later write this, and install what is for use alone in two steps.
  if (new TextDecoder().decode(lock).includes("__metadata:")) {
    await install("install", "--immutable", "--mode=skip-build");
    await install("workspaces", "focus", "--production");
  } else {
    // deno-fmt-ignore
    await install("install", "--frozen-lockfile", "--production", "--ignore-scripts", "--non-interactive");
  }
}

interface InstalledPackage {
  readonly component: Component;
  readonly own: PackageJson;
  /** Below the application, such as `node_modules/a`. */
  readonly path: string;
  /** Whether something has to run before it can be used. */
  readonly hasScript: boolean;
}

interface LockFile {
  readonly packages?: Readonly<
    Record<string, {
      readonly name?: string;
      readonly version?: string;
      readonly integrity?: string;
      readonly link?: boolean;
      readonly hasInstallScript?: boolean;
    }>
  >;
}

/** Every package that was installed, with the digest that the lock file has of it. */
async function listPackages(
  app: string,
  reader: ToolHost["reader"],
): Promise<readonly InstalledPackage[]> {
  const hidden = join(app, "node_modules", ".package-lock.json");
  const locked = await reader.facts(hidden) === undefined
    ? {}
    : (await readJson<LockFile>(hidden, reader)).packages ?? {};
  const found: InstalledPackage[] = [];
  const walk = async (modules: string): Promise<void> => {
    for (const name of await reader.list(join(app, modules))) {
      if (name.startsWith(".")) continue;
      const path = `${modules}/${name}`;
      if (name.startsWith("@")) {
        await walk(path);
        continue;
      }
      const file = join(app, path, "package.json");
      if (await reader.facts(file) === undefined) continue;
      const own = await readJson<PackageJson>(file, reader);
      const lock = locked[path];
      if (own.name !== undefined && own.version !== undefined) {
        const scripts = own.scripts ?? {};
        found.push({
          path,
          own,
          component: describe(own, lock?.integrity),
          hasScript: lock?.hasInstallScript === true ||
            ["preinstall", "install", "postinstall"].some((script) =>
              script in scripts
            ) ||
            await reader.facts(join(app, path, "binding.gyp")) !== undefined,
        });
      }
      await walk(`${path}/node_modules`);
    }
  };
  await walk("node_modules");
  return found;
}

function describe(own: PackageJson, integrity: string | undefined): Component {
  const { name = "", version = "", description, license } = own;
  const type = typeof license === "object" && license !== null &&
      "type" in license
    ? license.type
    : license;
  return {
    type: "library",
    name,
    version,
    purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
    license: typeof type === "string" ? type : undefined,
    description,
    hashes: npmHashes(integrity),
  };
}

/** Whether what a package says of its platforms takes the target in. */
function isMadeFor({ os, cpu }: PackageJson, target: Platform): boolean {
  return takes(os, target.os === "windows" ? "win32" : target.os) &&
    takes(cpu, NODE_CPU[target.arch]);
}

function takes(
  list: string | readonly string[] | undefined,
  name: string,
): boolean {
  const names = [list ?? []].flat();
  const isListed = names.some((one) => one === name || one === "any");
  return !names.includes(`!${name}`) &&
    (isListed || names.every((one) => one.startsWith("!")));
}

/** Packages whose scripts have to run, because nothing that fits came with them. */
async function findCompiled(
  app: string,
  packages: readonly InstalledPackage[],
  target: Platform,
  reader: ToolHost["reader"],
): Promise<readonly InstalledPackage[]> {
  const result: InstalledPackage[] = [];
  for (const one of packages) {
    if (!one.hasScript) continue;
    const prebuilds = await reader.list(join(app, one.path, "prebuilds"));
    const fits = prebuilds.some((name) => isPrebuildFor(name, target));
    if (!fits) result.push(one);
  }
  return result;
}

/** Prebuilt addons lie in `prebuilds/<os>-<cpu>`, the latter possibly several. */
function isPrebuildFor(name: string, { os, arch }: Platform): boolean {
  const [system, cpus = ""] = name.split("-");
  return system === (os === "windows" ? "win32" : os) &&
    cpus.split("+").includes(NODE_CPU[arch]);
}

const NODE_CPU = { amd64: "x64", arm64: "arm64" } as const;

const EMPTY_ARCHIVE = new TextEncoder().encode("!<arch>\n");

/** Runs the install scripts of packages, with the Node.js that will run them and its headers. */
async function compile(
  packages: readonly InstalledPackage[],
  { program, directory }: ScriptRuntime,
  isHere: boolean,
  { host, target, work, say }: ProjectRequest,
  app: string,
): Promise<void> {
  const names = packages.map(({ component }) => component.name);
  if (!isHere) {
    throw cannotPackFor(
      target,
      `${names.join(", ")} would have to be compiled or set up there`,
      { packages: names },
    );
  }
  say(`running the install scripts of ${names.join(", ")}`);
  const npm = await findNpm(app, "run install scripts", host);
  const path = host.env.get("PATH") ?? "";
  // The node-gyp of some distributions links addons to their own libnode, which
  // crashes any other Node.js. This one is found first, and holds nothing.
  const nothing = join(work, "no-libnode");
  await host.writer.makeDirectory(nothing);
  await using library = await host.writer.createSink(
    join(nothing, "libnode.a"),
  );
  await library.write(EMPTY_ARCHIVE);
  await library.commit();
  await npm.run("run install scripts", ["rebuild", ...names], {
    PATH: `${join(program, "..")}:${path}`,
    LDFLAGS: `-L${nothing} ${host.env.get("LDFLAGS") ?? ""}`.trim(),
    ...(directory && { npm_config_nodedir: directory }),
  });
}

/** What of `node_modules` a start needs: no leftovers of builds, no addons for other platforms. */
function isNeeded(
  path: string,
  isDirectory: boolean,
  target: Platform,
): boolean {
  // Notes of those who have installed it.
  if (/^\.(?!bin(?:\/|$))/.test(path)) return false;
  const parts = path.split("/");
  const at = parts.lastIndexOf("prebuilds");
  const platform = parts[at + 1];
  if (at >= 0 && platform !== undefined && isPlatformName(platform)) {
    return isPrebuildFor(platform, target);
  }
  const build = /(?:^|\/)build\/(.+)$/.exec(path)?.[1];
  if (build === undefined || isDirectory) {
    return !/(?:^|\/)build\/(?:Release\/(?:obj\.target|\.deps)|node_gyp_bins)$/
      .test(path);
  }
  return !/^(?:Makefile|config\.gypi|gyp-mac-tool|binding\.Makefile|.+\.mk)$/
    .test(build);
}

function isPlatformName(name: string): boolean {
  return /^(?:linux|darwin|win32|android|freebsd|openbsd|ios)-/.test(name);
}

function binsOf(
  { bin }: PackageJson,
  name: string,
): Readonly<Record<string, string>> {
  if (typeof bin === "string") return { [name]: bin };
  return bin ?? {};
}

interface Entry {
  readonly file: string;
  /** The program that starts the chosen command, where there are several. */
  readonly start?: string;
}

/** What is started: the entry that was named, else the command of the project's name, else the only one, else `main`. */
async function chooseEntry(
  document: PackageJson,
  bins: Readonly<Record<string, string>>,
  name: string,
  { entry }: ProjectSettings,
  app: string,
  reader: ToolHost["reader"],
): Promise<Entry> {
  const names = Object.keys(bins);
  const own = entry ??
    (names.includes(name) ? name : names.length === 1 ? names[0] : undefined);
  if (own !== undefined && Object.hasOwn(bins, own)) {
    return startBin(own, bins);
  }
  if (entry === undefined && names.length > 1) {
    throw unclearStart(
      `it has ${names.length} commands, and none is called "${name}"`,
      names,
      "",
    );
  }
  const scripted = /^node\s+([\w./-]+)\s*$/.exec(
    document.scripts?.["start"] ?? "",
  )?.[1];
  const file = entry ?? document.main ?? scripted ?? "index.js";
  const tried = [file, `${file}.js`, join(file, "index.js")];
  for (const one of tried) {
    if ((await reader.facts(join(app, one)))?.kind !== "file") continue;
    return { file: `{workenv}/app/${clean(one)}` };
  }
  throw unclearStart(
    entry === undefined
      ? "package.json has neither bin nor main, and there is no index.js"
      : `"${entry}" is neither a command nor a file that is packed`,
    names,
    "--entry server.js",
  );
}

function clean(path: string): string {
  return path.replaceAll("\\", "/").split("/")
    .filter((part) => part !== "" && part !== ".").join("/");
}

/** Several commands share a package: which one runs depends on the name it is called by. */
function startBin(
  chosen: string,
  bins: Readonly<Record<string, string>>,
): Entry {
  if (Object.keys(bins).length === 1) {
    return { file: `{workenv}/app/${clean(bins[chosen] ?? "")}` };
  }
  const table = Object.entries(bins).sort(([a], [b]) => a < b ? -1 : 1)
    .map(([name, file]) =>
      `  ${JSON.stringify(name)}: ${JSON.stringify(clean(file))},\n`
    );
  return {
    file: "{workenv}/start.cjs",
    start: `const commands = {
${table.join("")}};
const name = process.env.FLAVOR_COMMAND_NAME;
const file = Object.hasOwn(commands, name) ? commands[name] : commands[${
      JSON.stringify(chosen)
    }];
process.argv[1] = require("node:path").join(__dirname, "app", file);
require("node:module").runMain();
`,
  };
}
