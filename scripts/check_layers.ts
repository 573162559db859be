/**
 * Checks that imports in `lib/` point downwards only (ARCHITECTURE.md) and
 * that no package is imported but those in deno.json.
 *
 *     scripts/dev deno run -A scripts/check_layers.ts [CHECKOUT]
 */

import { mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative, sep } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";

/** The lowest layer first; each folder may import all layers below its own. */
const LAYERS: readonly (readonly string[])[] = [
  ["errors", "bytes"],
  ["format"],
  ["archive", "compress", "crypto", "io"],
  ["launchers", "manifest", "read", "workenv"],
  ["preflight", "runtimes"],
  ["pack"],
  ["registry"],
  ["web"],
  ["project"],
  ["release"],
  ["cli"],
];

/** What may be imported within a layer, beside the own folder. */
const SIDEWAYS: ReadonlySet<string> = new Set([
  "bytes -> errors",
  // The interfaces that all byte handling speaks.
  "archive -> io",
  "compress -> io",
  "crypto -> io",
  // An interpreter is made movable by what preflight knows of programs.
  "runtimes -> preflight",
]);

/** Implements the interfaces in its `types.ts`; only cli.ts imports the rest. */
const HOST = "host";
const HOST_TYPES = "lib/host/types.ts";

/**
 * The places that load the host by themselves, where a program gives a path
 * and no host. The imports are dynamic, so that importing the library is not
 * using the machine.
 */
const LAZY_HOST: ReadonlySet<string> = new Set([
  "lib/io/open_source.ts -> lib/host/file_source.ts",
  "lib/registry/registry_source.ts -> lib/host/credential_host.ts",
  "lib/read/extract_package.ts -> lib/host/load_host.ts",
  "lib/pack/pack_host.ts -> lib/host/load_host.ts",
  "lib/web/shelf.ts -> lib/host/load_host.ts",
]);

/** A URL may lead to a registry, which only then is loaded. */
const LAZY: ReadonlySet<string> = new Set([
  "lib/io/open_source.ts -> lib/registry/registry_source.ts",
]);

/** The lowest layer that may know of a host, be it by its interfaces only. */
const LOWEST_WITH_HOST = 3;

/** One `import`, as paths relative to the checkout with forward slashes. */
export interface Edge {
  readonly from: string;
  readonly to: string;
}

/** The folder of `lib/` that a file belongs to; `errors.ts` is one by itself. */
function folderOf(path: string): string | undefined {
  return /^lib\/([^/.]+)/.exec(path)?.[1];
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((layer) => layer.includes(folder));
}

/**
 * Judges one import.
 *
 * @param edge Who imports what; `to` is a URL or specifier where it is no file
 * of the checkout.
 * @returns Why the import is wrong, or undefined.
 */
export function findViolation({ from, to }: Edge): string | undefined {
  const importer = folderOf(from);
  if (importer === undefined) return undefined;
  if (/^(npm|https?):/.test(to)) {
    return "only jsr: packages of deno.json and node: built-ins";
  }
  if (/^(node|jsr|file|data):/.test(to)) return undefined;
  // The other member of the workspace, which becomes a jsr: package.
  if (/^launchers\//.test(to)) return undefined;
  const imported = folderOf(to);
  if (imported === undefined) return "lib/ may import nothing outside lib/";
  if (imported === importer || LAZY.has(`${from} -> ${to}`)) return undefined;
  if (imported === HOST) {
    if (LAZY_HOST.has(`${from} -> ${to}`)) return undefined;
    if (to === HOST_TYPES && layerOf(importer) >= LOWEST_WITH_HOST) {
      return undefined;
    }
    return "only cli.ts may import lib/host, and upper layers its types.ts";
  }
  if (importer === HOST) {
    return layerOf(imported) === LAYERS.length - 1
      ? `lib/${imported} is above lib/host`
      : undefined;
  }
  const [above, below] = [layerOf(importer), layerOf(imported)];
  if (above < 0) {
    return `lib/${importer} is in no layer; add it to scripts/check_layers.ts`;
  }
  if (below < 0) {
    return `lib/${imported} is in no layer; add it to scripts/check_layers.ts`;
  }
  if (below < above || SIDEWAYS.has(`${importer} -> ${imported}`)) {
    return undefined;
  }
  return below === above
    ? `lib/${importer} and lib/${imported} are in the same layer`
    : `lib/${imported} is above lib/${importer}`;
}

/** The part of `deno info --json` that is read here. */
interface ModuleGraph {
  readonly modules: readonly {
    readonly specifier: string;
    readonly error?: string;
    readonly dependencies?: readonly {
      readonly code?: { readonly specifier?: string };
      readonly type?: { readonly specifier?: string };
    }[];
  }[];
}

/**
 * Lists the imports of the modules in a checkout, types included.
 *
 * @param graph What `deno info --json` printed.
 * @param root Absolute path of the checkout.
 * @returns The edges, in the order of the graph.
 */
export function listEdges(graph: ModuleGraph, root: string): readonly Edge[] {
  const edges: Edge[] = [];
  for (const module of graph.modules) {
    const from = pathInRoot(module.specifier, root);
    const targets = (module.dependencies ?? []).flatMap(({ code, type }) => [
      code?.specifier,
      type?.specifier,
    ]);
    for (const target of new Set(targets)) {
      if (target !== undefined) {
        edges.push({ from, to: pathInRoot(target, root) });
      }
    }
  }
  return edges;
}

function pathInRoot(specifier: string, root: string): string {
  if (!specifier.startsWith("file:")) return specifier;
  const path = relative(root, fileURLToPath(specifier));
  return path.startsWith("..") ? specifier : path.replaceAll(sep, "/");
}

/** Asks Deno for the graph of everything in `lib/`, reachable from mod.ts or not. */
async function readGraph(root: string): Promise<ModuleGraph> {
  const files = readdirSync(join(root, "lib"), {
    recursive: true,
    encoding: "utf8",
  })
    .filter((path) => path.endsWith(".ts"))
    .map((path) => pathToFileURL(join(root, "lib", path)).href);
  const work = mkdtempSync(join(tmpdir(), "flavor-layers-"));
  try {
    const entry = join(work, "entry.ts");
    writeFileSync(
      entry,
      files.map((url) => `import ${JSON.stringify(url)};\n`).join(""),
    );
    const { success, stdout, stderr } = await new Deno.Command(
      Deno.execPath(),
      {
        args: ["info", "--json", "--config", join(root, "deno.json"), entry],
      },
    ).output();
    if (!success) throw new Error(new TextDecoder().decode(stderr));
    return JSON.parse(new TextDecoder().decode(stdout));
  } finally {
    rmSync(work, { recursive: true });
  }
}

async function main(root: string): Promise<boolean> {
  const graph = await readGraph(root);
  const problems = graph.modules.flatMap(({ error }) =>
    error === undefined ? [] : [error]
  );
  const edges = listEdges(graph, root);
  for (const edge of edges) {
    const violation = findViolation(edge);
    if (violation !== undefined) {
      problems.push(`${edge.from} imports ${edge.to}: ${violation}`);
    }
  }
  for (const problem of problems) console.error(problem);
  console.error(`${edges.length} imports checked, ${problems.length} wrong`);
  return problems.length === 0;
}

if (import.meta.main) {
  const root = Deno.args[0] ?? fileURLToPath(new URL("..", import.meta.url));
  if (!await main(root)) Deno.exitCode = 1;
}
