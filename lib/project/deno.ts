import { concat } from "@std/bytes/concat";
import { basename, join, relative } from "@std/path";
import { PspfError } from "../errors.ts";
import { parsePlatform, platformName } from "../launchers/platform.ts";
import { planManifest } from "../manifest/plan_manifest.ts";
import { splitWords } from "../manifest/split_words.ts";
import type { FoundSource } from "../pack/slot_source.ts";
import { prepareDeno } from "../runtimes/node.ts";
import { runTool, type ToolHost } from "../runtimes/tools.ts";
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
import { copyProject, treeSource } from "./trees.ts";

/** Projects with a `deno.json` or `deno.jsonc`. */
export const DENO: ProjectAdapter = {
  name: "deno",
  matches: (names) => CONFIGS.some((name) => names.has(name)),
  plan: planDeno,
};

const CONFIGS = ["deno.json", "deno.jsonc"] as const;

interface DenoJson {
  readonly name?: string;
  readonly version?: string;
  readonly exports?: string | Readonly<Record<string, string>>;
  readonly tasks?: Readonly<
    Record<string, string | { readonly command?: string }>
  >;
  readonly permissions?: Readonly<Record<string, unknown>>;
  readonly flavor?: unknown;
}

async function planDeno(request: ProjectRequest): Promise<ProjectPackage> {
  const { path, host, target, work, say } = request;
  const { reader, env } = host;
  const names = await reader.list(path);
  const config = CONFIGS.find((name) => names.includes(name)) ?? "deno.json";
  const document = await readDocument<DenoJson>(
    join(path, config),
    (text) => JSON.parse(withoutComments(text)),
    reader,
  );
  const { settings, warnings } = readSettings(
    document.flavor,
    `"flavor" in ${config}`,
  );
  const wanted = settle(settings, request.overrides);
  const start = chooseStart(document, wanted, path);
  const runtime = await prepareDeno({
    runtime: wanted.runtime,
    range: undefined,
    target,
    path,
    work,
    say,
  }, host);
  const isHere = host.machine.platform === platformName(target);
  const local = isHere ? runtime : await prepareDeno({
    runtime: `deno@${runtime.version}`,
    range: undefined,
    target: parsePlatform(host.machine.platform),
    path,
    work,
    say,
  }, host);
  const app = join(work, "app");
  await copyProject(path, app, wanted, host);
  const cache = join(work, "deno_dir");
  const lock = join(app, "deno.lock");
  const isLocked = await reader.facts(lock) !== undefined;
  const registries = ["JSR_URL", "NPM_CONFIG_REGISTRY"].flatMap((one) => {
    // Modules are kept under the address that they came from.
    const value = env.get(one) ?? "";
    return value === "" ? [] : [[one, value] as const];
  });
  say("fetching modules");
  // deno-fmt-ignore
  await runTool("fetch the modules of the program", {
    program: local.program,
    args: ["cache", "--quiet", "--lock", lock, ...(isLocked ? ["--frozen"] : []),
      "--config", join(app, config), join(app, start.entry)],
    cwd: app,
    env: {
      ...Object.fromEntries(registries),
      DENO_DIR: cache,
      DENO_NO_UPDATE_CHECK: "1",
      NO_COLOR: "1",
    },
  }, host);
  const kept = join(work, "deno");
  const locked = await readLock(lock, reader);
  await keepModules(cache, kept, locked, host);
  const components = await listModules(locked, kept, target, host);
  const program = target.os === "windows" ? "deno/deno.exe" : "deno/deno";
  const name = wanted.package_name ?? document.name?.split("/").at(-1) ??
    basename(path);
  const sources = new Map<string, FoundSource>([
    ["deno", {
      kind: "file",
      mode: 0o755,
      open: () => reader.openSource(runtime.program),
    }],
    ["packages", await treeSource(kept, reader)],
    ["app", await treeSource(app, reader)],
  ]);
  // deno-fmt-ignore: one row for each slot
  const slots = [
    { id: "deno", source: `deno-${runtime.version}`, target: program, purpose: "runtime" },
    { id: "packages", source: "deno_dir", target: "deno/cache", purpose: "library" },
    { id: "app", source: ".", target: "app", purpose: "code" },
  ];
  const own = wanted.execution?.runtime?.env ?? {};
  // deno-fmt-ignore
  const plan = planManifest({
    package: { name, version: document.version ?? "0.0.0" },
    execution: {
      argv: [`{workenv}/${program}`, "run", "--quiet", "--cached-only", "--frozen",
        "--lock", "{workenv}/app/deno.lock", "--config", `{workenv}/app/${config}`,
        ...start.permissions, `{workenv}/app/${start.entry}`, ...start.args],
      args: wanted.args ?? [],
      env: { ...wanted.env, ...Object.fromEntries(registries), DENO_NO_UPDATE_CHECK: "1" },
      primary_slot: "app",
    },
    workenv: { env: { DENO_DIR: "{workenv}/deno/cache" } },
    runtime: { env: own },
    slots,
  }, { format: "toml", name: config });
  return {
    plan: { ...plan, warnings: [...warnings, ...plan.warnings] },
    sources,
    components: [
      {
        type: "platform",
        name: "deno",
        version: runtime.version,
        purl: runtime.packageName === undefined
          ? `pkg:generic/deno@${runtime.version}`
          : `pkg:npm/${
            runtime.packageName.replace("@", "%40")
          }@${runtime.version}`,
        license: "MIT",
        description: "Deno",
      },
      ...components,
    ],
  };
}

/** Takes comments and last commas out of JSON, and leaves strings alone. */
export function withoutComments(text: string): string {
  return text.replaceAll(
    /("(?:[^"\\]|\\.)*")|\/\/[^\n]*|\/\*[\s\S]*?\*\//g,
    (_, string: string | undefined) => string ?? "",
  ).replaceAll(
    /("(?:[^"\\]|\\.)*")|,(?=\s*[}\]])/g,
    (_, string: string | undefined) => string ?? "",
  );
}

interface Start {
  /** Below the project. */
  readonly entry: string;
  /** Flags of `deno run`. */
  readonly permissions: readonly string[];
  readonly args: readonly string[];
}

/** What is started, and what it may do: a start asks no questions. */
function chooseStart(
  { exports, tasks, permissions: config }: DenoJson,
  { entry, permissions }: ProjectSettings,
  root: string,
): Start {
  const start = tasks?.["start"];
  const task = readTask(typeof start === "string" ? start : start?.command);
  const exported = typeof exports === "string" ? exports : exports?.["."];
  const chosen = entry ?? exported ?? task?.entry;
  if (chosen === undefined) {
    throw unclearStart(
      "deno.json has neither exports nor a task start that calls deno run",
      [],
      "--entry main.ts",
    );
  }
  const allowed = permissions ??
    (config?.["default"] === undefined ? task?.permissions : ["-P"]);
  if (allowed === undefined) {
    throw new PspfError(
      "manifest/invalid",
      "No permissions are given for the program",
      {
        context: { path: root },
        hint:
          'Write "permissions" into deno.json, or name them: --allow-net, --allow-read=PATHS, ... or --allow-all',
      },
    );
  }
  const clean = relative(root, join(root, chosen)).replaceAll("\\", "/");
  return {
    entry: clean,
    permissions: allowed,
    args: chosen === task?.entry ? task.args : [],
  };
}

function readTask(command: string | undefined): Start | undefined {
  const [deno, run, ...words] = splitWords(command ?? "") ?? [];
  if (deno !== "deno" || run !== "run") return undefined;
  const at = words.findIndex((word) => !word.startsWith("-"));
  const entry = words[at];
  if (entry === undefined) return undefined;
  const permissions = words.slice(0, at).filter((word) =>
    /^(?:-[APRWNES]|--(?:allow|deny|permission|unstable)\b)/.test(word)
  );
  return { entry, permissions, args: words.slice(at + 1) };
}

/** Headers that a module's meaning depends on; the others are of the day it was fetched. */
const KEPT_HEADERS: ReadonlySet<string> = new Set([
  "content-type",
  "location",
  "x-typescript-types",
  "sourcemap",
]);
const METADATA = "\n// denoCacheMetadata=";

/**
 * Copies the modules out of a `DENO_DIR` without what depends on the day and the
 * machine: lists of versions, times, headers, and compiled files of the project.
 */
async function keepModules(
  cache: string,
  to: string,
  lock: DenoLock,
  { reader, writer }: Pick<ToolHost, "reader" | "writer">,
): Promise<void> {
  await using draft = await writer.createDirectory(to);
  await writer.makeDirectory(cache);
  const tree = await reader.openTree(cache);
  for await (
    const entry of tree.entries((path) =>
      !/^(?:gen|check_cache\w*)$/.test(path)
    )
  ) {
    if (entry.kind !== "file") continue;
    const { path, mode, size } = entry;
    if (!/^(?:remote|npm|deps)\//.test(path)) continue;
    if (path.endsWith("/registry.json")) continue;
    let bytes = await tree.readFile(path, size);
    if (!path.startsWith("npm/")) {
      bytes = settleModule(bytes, lock);
    }
    await draft.target.file(
      path,
      mode,
      bytes.length,
      ReadableStream.from([bytes]),
    );
  }
  await draft.target.finish();
  await draft.commit();
}

/** One cached module, without what is of the day; of a list of versions, those that the lock file names. */
function settleModule(
  bytes: Uint8Array,
  lock: DenoLock,
): Uint8Array {
  const from = Math.max(0, bytes.length - 16 * 1024);
  const tail = new TextDecoder("latin1").decode(bytes.subarray(from));
  const at = tail.lastIndexOf(METADATA);
  if (at < 0) return bytes;
  const end = from + at;
  const encoder = new TextEncoder();
  const text = new TextDecoder().decode(
    bytes.subarray(end + encoder.encode(METADATA).length),
  );
  const { headers, url } = JSON.parse(text) as {
    readonly headers: Readonly<Record<string, string>>;
    readonly url: string;
  };
  const name = /(@[^/]+\/[^/]+)\/meta\.json$/.exec(url)?.[1];
  const kept = Object.entries(headers)
    .filter(([header]) => KEPT_HEADERS.has(header))
    .sort(([a], [b]) => a < b ? -1 : 1);
  const written = encoder.encode(
    METADATA + JSON.stringify({ headers: Object.fromEntries(kept), url }),
  );
  const content = name === undefined
    ? bytes.subarray(0, end)
    : encoder.encode(lockedVersions(name, lock));
  return concat([content, written]);
}

function lockedVersions(name: string, { jsr = {} }: DenoLock): string {
  const versions = Object.keys(jsr).map(splitKey)
    .filter((one) => one.name === name).map(({ version }) => version);
  const [scope, own] = name.slice(1).split("/");
  return JSON.stringify({
    scope,
    name: own,
    latest: versions.at(-1),
    versions: Object.fromEntries(versions.map((version) => [version, {}])),
  });
}

interface DenoLock {
  readonly jsr?: Readonly<Record<string, { readonly integrity?: string }>>;
  readonly npm?: Readonly<
    Record<string, {
      readonly integrity?: string;
      readonly os?: readonly string[];
      readonly cpu?: readonly string[];
    }>
  >;
  readonly remote?: Readonly<Record<string, string>>;
}

/** A program without dependencies has no lock file. */
async function readLock(
  path: string,
  reader: ToolHost["reader"],
): Promise<DenoLock> {
  if (await reader.facts(path) === undefined) return {};
  return await readDocument(path, JSON.parse, reader);
}

/** What the lock file names; packages that are made for one platform are checked. */
async function listModules(
  lock: DenoLock,
  kept: string,
  target: ProjectRequest["target"],
  { reader, machine }: ToolHost,
): Promise<readonly Component[]> {
  const bound = Object.entries(lock.npm ?? {})
    .filter(([, { os, cpu }]) => os !== undefined || cpu !== undefined)
    .map(([name]) => name);
  if (bound.length > 0 && machine.platform !== platformName(target)) {
    throw cannotPackFor(
      target,
      `${
        bound.join(", ")
      } are made for one platform, and Deno fetches those of this machine`,
      { packages: bound },
    );
  }
  const registries = await reader.list(join(kept, "npm"));
  const components: Component[] = [];
  for (const [key, { integrity }] of Object.entries(lock.jsr ?? {})) {
    const { name, version } = splitKey(key);
    components.push({
      type: "library",
      name,
      version,
      purl: `pkg:jsr/${name.replace("@", "%40")}@${version}`,
      hashes: integrity === undefined
        ? undefined
        : [{ alg: "SHA-256", content: integrity }],
    });
  }
  for (const [key, { integrity }] of Object.entries(lock.npm ?? {})) {
    const { name, version } = splitKey(key);
    components.push({
      type: "library",
      name,
      version,
      purl: `pkg:npm/${name.replace("@", "%40")}@${version}`,
      license: await licenseOf(registries, kept, name, version, reader),
      hashes: npmHashes(integrity),
    });
  }
  for (const [url, sha256] of Object.entries(lock.remote ?? {})) {
    components.push({
      type: "library",
      name: url,
      version: "0",
      hashes: [{ alg: "SHA-256", content: sha256 }],
    });
  }
  return components;
}

/** `@std/path@1.0.0`, or `a@1.0.0_b@2.0.0` where peers decide. */
function splitKey(
  key: string,
): { readonly name: string; readonly version: string } {
  const at = key.indexOf("@", 1);
  return {
    name: key.slice(0, at),
    version: key.slice(at + 1).split("_")[0] ?? "",
  };
}

async function licenseOf(
  registries: readonly string[],
  kept: string,
  name: string,
  version: string,
  reader: ToolHost["reader"],
): Promise<string | undefined> {
  for (const registry of registries) {
    const file = join(kept, "npm", registry, name, version, "package.json");
    if (await reader.facts(file) === undefined) continue;
    const { license } = await readDocument<{ readonly license?: unknown }>(
      file,
      JSON.parse,
      reader,
    );
    return typeof license === "string" ? license : undefined;
  }
  return undefined;
}
