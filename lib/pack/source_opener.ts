import { isAbsolute, join, relative, SEPARATOR } from "@std/path";
import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import type { FileTree } from "../io/file_tree.ts";
import { sourceCandidates } from "../manifest/source_candidates.ts";
import type { FoundSource, SourceOpener } from "./slot_source.ts";

/** Where the sources of slots are. */
export interface SourcePlaces {
  /** Directory of the manifest, absolute. */
  readonly manifestDirectory: string;
  /** What `{workenv}` means in a source, absolute. */
  readonly workenvBase: string;
  /** The package that is written, absolute; it never contains itself. */
  readonly output: string | undefined;
}

/** Makes what finds the sources of a manifest. */
export function createSourceOpener(
  reader: FileReader,
  places: SourcePlaces,
): SourceOpener {
  return async ({ source }) => {
    const path = await findSource(source, reader, places);
    return await openSourcePath(reader, path, places.output);
  };
}

/** Opens a file or directory as the source of a slot. */
export async function openSourcePath(
  reader: FileReader,
  path: string,
  output?: string,
): Promise<FoundSource> {
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
  return {
    kind: "file",
    mode: facts?.mode ?? 0o644,
    open: () => reader.openSource(path),
  };
}

/**
 * Refuses to write a package over a file that it is made from: the build would
 * succeed, and a source, a manifest or the only copy of a key would be gone.
 */
export async function checkOutput(
  reader: FileReader,
  output: string,
  input: string,
): Promise<void> {
  // Of a link, or of one of several names of a file, only the name is replaced.
  if ((await reader.linkFacts(output))?.kind !== "file") return;
  if (await reader.facts(input) === undefined) return;
  if (await reader.realPath(output) !== await reader.realPath(input)) return;
  throw new PspfError(
    "usage/bad-argument",
    `Cannot write the package to "${output}": it is made from this file`,
    { context: { output, input }, hint: "Choose another output" },
  );
}

async function findSource(
  source: string,
  reader: FileReader,
  { manifestDirectory, workenvBase }: SourcePlaces,
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
    openFile: (path) => tree.openFile(path),
    async *entries(descend): ReturnType<FileTree["entries"]> {
      for await (const entry of tree.entries(descend)) {
        if (entry.path !== hidden) yield entry;
      }
    },
  };
}
