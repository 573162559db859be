import { basename, dirname, join } from "@std/path";
import { PspfError } from "../errors.ts";
import { filterTree } from "../io/file_tree.ts";
import type { Platform } from "../launchers/platform.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import {
  defaultWorkenvBase,
  manifestLauncher,
  packageFileName,
  readManifestFile,
} from "../pack/pack_manifest.ts";
import { createSourceOpener } from "../pack/source_opener.ts";
import type { SourceOpener } from "../pack/slot_source.ts";
import { makeWorkDirectory, type ToolHost } from "../runtimes/tools.ts";
import type {
  ProjectAdapter,
  ProjectKind,
  ProjectOverrides,
} from "./project.ts";
import { BINARY } from "./binary.ts";
import { DENO } from "./deno.ts";
import { NODE } from "./node.ts";
import { PYTHON } from "./python.ts";
import { type Component, SBOM_NAME, SBOM_SLOT, writeSbom } from "./sbom.ts";
import {
  eitherIgnores,
  NEVER_PACKED,
  parseIgnore,
  readIgnore,
} from "./ignore.ts";
import { refuseSecrets } from "./secrets.ts";
import { textSource } from "./trees.ts";

/** The kinds of projects, in no order: two that match are a question. */
const ADAPTERS: readonly ProjectAdapter[] = [PYTHON, NODE, DENO, BINARY];
const MANIFESTS = ["flavor.toml", "flavor.json"] as const;

/** What a path turned out to be. */
export type Subject =
  | { readonly kind: "manifest"; readonly path: string }
  | { readonly kind: ProjectKind; readonly path: string };

/** How a subject is packed. */
export interface InputOptions {
  readonly target: Platform;
  readonly overrides: ProjectOverrides;
  /** What `{workenv}` means in the sources of a manifest. */
  readonly workenvBase?: string | undefined;
  /** Where the package goes, if the user said so. */
  readonly output?: string | undefined;
  /** Follows the name of the package when there are several. */
  readonly suffix?: string | undefined;
  /** Packs files that are private keys. */
  readonly allowSecrets?: boolean | undefined;
  /** Says what is being done. */
  readonly say: (text: string) => void;
}

/** Everything that a build needs to know of its content. */
export interface PackInput extends AsyncDisposable {
  readonly subject: Subject;
  /** The directory that names are relative to. */
  readonly directory: string;
  readonly plan: BuildPlan;
  readonly target: Platform;
  readonly openSource: SourceOpener;
  /** Where the package goes, absolute. */
  readonly output: string;
  /** The launcher that a manifest names. */
  readonly launcher: string | undefined;
  /** Files that the package must not be written over. */
  readonly inputs: readonly string[];
  readonly components: readonly Component[];
}

/** Tells what a path is: a manifest, a project's directory, or a program. */
export async function findSubject(
  given: string | undefined,
  as: ProjectKind | undefined,
  { reader }: Pick<ToolHost, "reader">,
): Promise<Subject> {
  const path = given ?? ".";
  const facts = await reader.facts(path);
  if (facts === undefined) {
    throw new PspfError(
      "io/not-found",
      `Cannot pack "${path}": it does not exist`,
      {
        context: { path: reader.absolute(path) },
        hint: "Name a manifest, the directory of a project, or a program",
      },
    );
  }
  if (facts.kind === "directory") return await inDirectory(path, as, reader);
  const name = basename(path);
  const adapter = ADAPTERS.find((one) => one.matches(new Set([name])));
  if (as === "binary") return { kind: "binary", path: reader.absolute(path) };
  if (adapter !== undefined) {
    return { kind: as ?? adapter.name, path: dirname(reader.absolute(path)) };
  }
  if (/\.(?:toml|json)$/.test(name)) return { kind: "manifest", path };
  return { kind: "binary", path: reader.absolute(path) };
}

async function inDirectory(
  path: string,
  as: ProjectKind | undefined,
  reader: ToolHost["reader"],
): Promise<Subject> {
  const directory = reader.absolute(path);
  if (as !== undefined) return { kind: as, path: directory };
  const names = new Set(await reader.list(path));
  const manifest = MANIFESTS.find((name) => names.has(name));
  if (manifest !== undefined) {
    return {
      kind: "manifest",
      path: path === "." ? manifest : join(path, manifest),
    };
  }
  const kinds = ADAPTERS.filter((one) => one.matches(names))
    .map(({ name }) => name);
  const [kind, other] = kinds;
  if (kind === undefined) {
    throw new PspfError(
      "io/not-found",
      `Nothing to pack in "${directory}": looked for ${
        [...MANIFESTS, "pyproject.toml", "package.json", "deno.json"].join(", ")
      }`,
      {
        context: { path: directory },
        hint:
          'Name a program or a manifest: flavor pack PATH; or write a manifest with "flavor init"',
      },
    );
  }
  if (other === undefined) return { kind, path: directory };
  throw new PspfError(
    "usage/bad-argument",
    `"${directory}" is a project of several kinds: ${kinds.join(" and ")}`,
    {
      context: { path: directory, kinds },
      hint: `Say which one is packed: --as ${kinds.join(", or --as ")}`,
    },
  );
}

/** Reads a manifest, or gathers what a project consists of; dispose it. */
export async function openPackInput(
  subject: Subject,
  options: InputOptions,
  host: ToolHost,
): Promise<PackInput> {
  refuseUnused(subject, options.overrides);
  return subject.kind === "manifest"
    ? await openManifest(subject, options, host)
    : await openProject(subject.kind, subject, options, host);
}

/** What is passed over in silence could be the file that nobody should get. */
function refuseUnused(subject: Subject, overrides: ProjectOverrides): void {
  const { kind, path } = subject;
  const isProject = kind !== "manifest" && kind !== "binary";
  const allow = (overrides.allow ?? []).map((flag) => flag.replace(/=.*/s, ""));
  const settings = (["entry", "runtime", "include", "exclude"] as const)
    .filter((name) => (overrides[name]?.length ?? 0) > 0)
    .map((name) => `--${name}`);
  const unused = [
    ...(isProject ? [] : settings),
    ...(kind === "deno" ? [] : allow),
  ];
  if (unused.length === 0) return;
  const what = {
    manifest: `the manifest "${path}"`,
    binary: `the program "${path}"`,
    python: "a Python project",
    node: "a Node.js project",
    deno: "a Deno project",
  }[kind];
  throw new PspfError(
    "usage/bad-argument",
    `${unused.join(" and ")} cannot be used with ${what}`,
    {
      context: { path, flags: unused },
      hint: kind === "manifest"
        ? "Write it into the manifest, or name what kind of project is packed with --as"
        : "Leave it out",
    },
  );
}

async function openManifest(
  subject: Subject,
  { workenvBase, output, suffix, target, allowSecrets }: InputOptions,
  host: ToolHost,
): Promise<PackInput> {
  const { reader, env } = host;
  const manifest = await readManifestFile(subject.path, reader);
  const { directory, plan } = manifest;
  const path = reader.absolute(output ?? outputIn(directory, plan, suffix));
  return {
    subject,
    directory,
    plan,
    target,
    output: path,
    launcher: manifestLauncher(manifest, env),
    inputs: [manifest.path],
    components: [],
    openSource: guarded(
      ignoring(
        createSourceOpener(reader, {
          manifestDirectory: directory,
          workenvBase: reader.absolute(
            workenvBase ?? defaultWorkenvBase(manifest),
          ),
          output: path,
        }),
        directory,
        reader,
      ),
      allowSecrets,
    ),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function openProject(
  kind: ProjectKind,
  subject: Subject,
  { target: wanted, overrides, output, suffix, allowSecrets, say }:
    InputOptions,
  host: ToolHost,
): Promise<PackInput> {
  const adapter = ADAPTERS.find(({ name }) => name === kind);
  if (adapter === undefined) {
    throw new PspfError("internal/bug", `There is no adapter for ${kind}`);
  }
  const { path } = subject;
  const work = await makeWorkDirectory(host);
  try {
    const made = await adapter.plan({
      path,
      overrides,
      target: wanted,
      host,
      work,
      say,
    });
    const directory = kind === "binary" ? dirname(path) : path;
    const sbom = textSource(
      await writeSbom(made.plan, made.components),
      SBOM_NAME,
    );
    const slots = [...made.plan.slots, SBOM_SLOT];
    return {
      subject,
      directory,
      plan: { ...made.plan, slots },
      target: made.target ?? wanted,
      output: host.reader.absolute(
        output ?? outputIn(directory, made.plan, suffix),
      ),
      launcher: undefined,
      inputs: kind === "binary" ? [path] : [],
      components: made.components,
      openSource: guarded(({ id }) => {
        const found = id === SBOM_SLOT.id ? sbom : made.sources.get(id);
        if (found !== undefined) return Promise.resolve(found);
        throw new PspfError("internal/bug", `The slot "${id}" has no content`);
      }, allowSecrets),
      [Symbol.asyncDispose]: () => host.writer.remove(work),
    };
  } catch (error) {
    await host.writer.remove(work);
    throw error;
  }
}

/** Leaves out what a directory's own ignore file names. */
function ignoring(
  open: SourceOpener,
  directory: string,
  reader: ToolHost["reader"],
): SourceOpener {
  const never = parseIgnore(NEVER_PACKED.join("\n"));
  return async (spec) => {
    const found = await open(spec);
    if (found.kind !== "directory") return found;
    const { tree } = found;
    // A directory that a build has made is often ignored by git as a whole.
    const names = join(tree.name, ".") === join(directory, ".")
      ? [".flavorignore", ".gitignore"]
      : [".flavorignore"];
    const ignores = eitherIgnores(
      never,
      await readIgnore(tree.name, names, reader),
    );
    return {
      kind: "directory",
      tree: filterTree(
        tree,
        (path, isDirectory) => !ignores(path, isDirectory),
      ),
    };
  };
}

/** What others have published is no secret; everything else is looked at. */
function guarded(
  open: SourceOpener,
  allowSecrets: boolean | undefined,
): SourceOpener {
  if (allowSecrets === true) return open;
  return async (spec) => {
    const found = await open(spec);
    const isPublished = spec.purpose === "library" ||
      spec.purpose === "runtime";
    return isPublished ? found : await refuseSecrets(found, spec.source);
  };
}

function outputIn(
  directory: string,
  { package: { name } }: BuildPlan,
  suffix = "",
): string {
  return join(directory, "dist", packageFileName(`${name}${suffix}`));
}

/** Whether a path is the file that makes a directory a project. */
export function isProjectFile(path: string): boolean {
  const names = new Set([basename(path)]);
  return ADAPTERS.some((one) => one.matches(names));
}
