import { PspfError } from "../errors.ts";
import type { FileTreeEntry } from "../io/file_tree.ts";

/** A tree whose links every existing launcher can extract. */
export interface ResolvedLinks {
  /** Entries; links to directories are replaced by copies of those. */
  readonly entries: readonly FileTreeEntry[];
  /** Where the content of a copied file is read from. */
  readonly origins: ReadonlyMap<string, string>;
  /** Mode of the file that a link leads to. */
  readonly linkModes: ReadonlyMap<string, number>;
}

/** The same number of links that Linux follows. */
const MAX_HOPS = 40;

/**
 * Replaces links to directories by copies, and finds the modes of linked
 * files: the existing launchers fail at nested links to directories, and one
 * of them applies a link's mode to the file behind it. Links that lead outside,
 * to nothing or in a circle are refused.
 */
export function resolveLinks(
  name: string,
  entries: readonly FileTreeEntry[],
): ResolvedLinks {
  const byPath = new Map(entries.map((entry) => [entry.path, entry]));
  const children = Map.groupBy(entries, ({ path }) => parentOf(path));
  const result: FileTreeEntry[] = [];
  const origins = new Map<string, string>();
  const linkModes = new Map<string, number>();

  function add(entry: FileTreeEntry, path: string, inside: string[]): void {
    if (entry.kind === "symlink") {
      const real = follow(name, byPath, entry.path, entry.target);
      if (real.kind === "file") {
        // A copied link may not reach its file from its new place.
        if (path === entry.path) {
          linkModes.set(path, real.mode);
          result.push(entry);
        } else addFile(real, path);
      } else addDirectory(real, path, [...inside, entry.path]);
    } else if (entry.kind === "file") addFile(entry, path);
    else addDirectory(entry, path, inside);
  }

  function addFile(
    file: Extract<FileTreeEntry, { kind: "file" }>,
    path: string,
  ): void {
    result.push({ ...file, path });
    if (path !== file.path) origins.set(path, file.path);
  }

  function addDirectory(
    directory: Extract<FileTreeEntry, { kind: "directory" }>,
    path: string,
    inside: string[],
  ): void {
    const within = inside.find((link) => link.startsWith(`${directory.path}/`));
    if (within !== undefined) throw badLink(name, within, "leads in a circle");
    result.push({ ...directory, path });
    if (path === directory.path) return;
    for (const child of children.get(directory.path) ?? []) {
      const base = child.path.slice(child.path.lastIndexOf("/") + 1);
      add(child, `${path}/${base}`, inside);
    }
  }

  for (const entry of entries) add(entry, entry.path, []);
  return { entries: result, origins, linkModes };
}

/** Follows a link to the file or directory behind it, inside the tree. */
function follow(
  name: string,
  byPath: ReadonlyMap<string, FileTreeEntry>,
  link: string,
  target: string,
): Exclude<FileTreeEntry, { kind: "symlink" }> {
  let base = parentOf(link);
  let rest = target.split("/");
  if (target.startsWith("/")) throw badLink(name, link, "is absolute");
  let hops = 1;
  for (let part = rest.shift(); part !== undefined; part = rest.shift()) {
    if (part === "" || part === ".") continue;
    if (part === "..") {
      if (base === "") throw badLink(name, link, "leaves the directory");
      base = parentOf(base);
      continue;
    }
    const path = base === "" ? part : `${base}/${part}`;
    const entry = byPath.get(path);
    if (entry === undefined) {
      throw badLink(name, link, "leads to nothing that is packed");
    }
    if (entry.kind !== "symlink") {
      base = path;
      continue;
    }
    if (++hops > MAX_HOPS) throw badLink(name, link, "leads in a circle");
    if (entry.target.startsWith("/")) throw badLink(name, link, "is absolute");
    rest = [...entry.target.split("/"), ...rest];
  }
  const real = byPath.get(base);
  if (real === undefined || real.kind === "symlink") {
    throw badLink(name, link, "leads in a circle");
  }
  return real;
}

function parentOf(path: string): string {
  const slash = path.lastIndexOf("/");
  return slash < 0 ? "" : path.slice(0, slash);
}

function badLink(name: string, path: string, what: string): PspfError {
  return new PspfError(
    "build/failed",
    `Cannot pack the link ${
      JSON.stringify(path)
    } of ${name} in the portable profile: it ${what}`,
    {
      context: { path, tree: name },
      hint:
        "Exclude it, put in its place what it points to, or use our launcher",
    },
  );
}
