import { isAbsolute, join, relative, SEPARATOR } from "@std/path";

import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import type { FileTree } from "../io/file_tree.ts";
import { sourceCandidates } from "../manifest/source_candidates.ts";
import { checkOutput } from "./check_output.ts";
import type { SlotSource, SlotSourceOpener } from "./slot_source.ts";

/** Where the sources of slots are. */
export interface SourceOpenerPlaces {
  /** Directory of the manifest, absolute. */
  readonly manifestDirectory: string;
  /** What `{workenv}` means in a source, absolute. */
  readonly workenvBase: string;
  /** The package that is written, absolute; it never contains itself. */
  readonly output: string;
}

/**
 * Makes what finds the sources of slots.
 *
 * @param reader Opens them.
 * @param places Where they are.
 * @returns The opener.
 *
 * @example A file beside the manifest
 * ```ts
 * import { createSourceOpener, loadDefaultHost } from "@flavor/pspf/pack";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${directory}/app.sh`, "echo hello\n");
 * const { reader } = await loadDefaultHost();
 * const open = createSourceOpener(reader, {
 *   manifestDirectory: directory,
 *   workenvBase: directory,
 *   output: `${directory}/app.psp`,
 * });
 * const source = await open("app.sh", "app");
 * assertEquals(source.kind, "file");
 * if (source.kind === "file") await source.bytes[Symbol.asyncDispose]();
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function createSourceOpener(
  reader: FileReader,
  places: SourceOpenerPlaces,
): SlotSourceOpener {
  return async (source) => {
    const path = await findSource(source, reader, places);
    return await openSourcePath(reader, path, places.output);
  };
}

/**
 * Opens a file or directory as the source of a slot.
 *
 * @param reader Opens it.
 * @param path Where it is.
 * @param output The package that is written, absolute; left out of a directory.
 * @returns The source.
 * @throws {PspfError} `usage/bad-argument`, `io/not-found`, `io/denied`,
 * `io/failed`
 *
 * @example A directory
 * ```ts
 * import { loadDefaultHost, openSourcePath } from "@flavor/pspf/pack";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const { reader } = await loadDefaultHost();
 * assertEquals((await openSourcePath(reader, directory)).kind, "directory");
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function openSourcePath(
  reader: FileReader,
  path: string,
  output?: string,
): Promise<SlotSource> {
  const facts = await reader.facts(path);
  if (facts?.kind === "directory") {
    const tree = await reader.openTree(path);
    return {
      kind: "directory",
      tree: output === undefined
        ? tree
        : without(tree, reader.absolute(path), output),
    };
  }
  if (output !== undefined) await checkOutput(reader, output, path);
  const bytes = await reader.openSource(path);
  return { kind: "file", bytes, mode: facts?.mode ?? 0o644 };
}

async function findSource(
  source: string,
  reader: FileReader,
  { manifestDirectory, workenvBase }: SourceOpenerPlaces,
): Promise<string> {
  const candidates = sourceCandidates(source, {
    manifestDirectory,
    workenvBase,
    join,
    isAbsolute,
  });
  const hits = new Map<string, string>();
  for (const path of candidates) {
    if (await reader.facts(path) !== undefined) {
      hits.set(await reader.realPath(path), path);
    }
  }
  const [first, second] = hits.values();
  if (first === undefined) {
    throw new PspfError(
      "io/not-found",
      `The source "${source}" does not exist; looked for ${
        candidates.map((path) => `"${path}"`).join(" and ")
      }`,
      {
        context: { source, searched: candidates },
        hint:
          "Sources are relative to the manifest; build the application first",
      },
    );
  }
  if (second === undefined) return first;
  throw new PspfError(
    "manifest/invalid",
    `The source "${source}" can be "${first}" or "${second}"`,
    {
      context: { source, found: [first, second] },
      hint: "Write {workenv}/ before it, or a path that fits only one",
    },
  );
}

/** A package that is built for the second time must not hold the first one. */
function without(tree: FileTree, root: string, output: string): FileTree {
  const hidden = relative(root, output).replaceAll(SEPARATOR, "/");
  if (hidden.startsWith("../") || isAbsolute(hidden)) return tree;
  return {
    name: tree.name,
    readFile: (path, size) => tree.readFile(path, size),
    stream: (path) => tree.stream(path),
    async *entries(descend): ReturnType<FileTree["entries"]> {
      for await (const entry of tree.entries(descend)) {
        if (entry.path !== hidden) yield entry;
      }
    },
  };
}
