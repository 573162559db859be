import { PspfError } from "../errors.ts";
import type { FileTree, FileTreeEntry } from "../io/file_tree.ts";
import { comparePaths } from "./compare_paths.ts";
import { type ModeRule, packedMode } from "./mode_rule.ts";
import { checkEntryPath } from "./path_policy.ts";
import { PathFilter, type PathFilterOptions } from "./path_filter.ts";
import { resolveLinks } from "./resolve_links.ts";
import type { TarMember } from "./tar_member.ts";

/** Options of {@linkcode listMembers}. */
export interface ListMembersOptions extends PathFilterOptions {
  /** Directory inside the archive that everything is put into. */
  readonly prefix?: string;
  /**
   * Which permission bits are kept.
   *
   * @default {"owner"}
   */
  readonly modes?: ModeRule;
  /** Keeps to what the existing launchers can extract. */
  readonly portable?: boolean;
  /** Stops the listing; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal;
}

/** What a tree gives to an archive. */
export interface MemberList {
  /** The entries, in the order of their paths' bytes. */
  readonly members: readonly TarMember[];
  /** Sum of the file sizes, in bytes. */
  readonly contentSize: number;
  /** Include patterns that matched nothing. */
  readonly unusedPatterns: readonly string[];
}

const DIRECTORY_MODE = 0o755;
const LINK_MODE = 0o777;

/**
 * Lists a tree as archive members: filtered, put under a prefix, with every
 * directory explicit, and sorted by path bytes.
 *
 * @param tree The directory to pack.
 * @param options Filters, prefix, profile.
 * @returns The members and what is worth a warning.
 * @throws {PspfError} `build/failed` for names or links that cannot be packed,
 * `archive/unsupported-entry` for pipes, sockets and devices, and what the tree
 * throws
 */
export async function listMembers(
  tree: FileTree,
  options: ListMembersOptions = {},
): Promise<MemberList> {
  const { prefix = "", modes = "owner", portable = false, signal } = options;
  const filter = new PathFilter(options);
  let entries: FileTreeEntry[] = [];
  // Directories that are not taken themselves still hold members that are.
  const directoryModes = new Map<string, number>();
  for await (const listed of tree.entries((path) => filter.descends(path))) {
    signal?.throwIfAborted();
    const entry = "mode" in listed
      ? { ...listed, mode: packedMode(listed.mode, modes) }
      : listed;
    if (entry.kind === "directory") directoryModes.set(entry.path, entry.mode);
    if (!filter.takes(entry.path, entry.kind)) continue;
    if (entry.kind === "other") throw unsupported(tree, entry.path);
    checkName(tree, entry.path);
    entries.push(entry);
  }
  let linkModes: ReadonlyMap<string, number> = new Map();
  const origins = new Map<string, string>();
  if (portable) {
    const resolved = resolveLinks(tree.name, entries);
    entries = [...resolved.entries];
    linkModes = resolved.linkModes;
    for (const [path, origin] of resolved.origins) origins.set(path, origin);
  }
  const members = new Map<string, TarMember>();
  const above = prefix === "" ? "" : `${prefix}/`;
  for (const path of parentsOf(above)) {
    members.set(path, { kind: "directory", path, mode: DIRECTORY_MODE });
  }
  let contentSize = 0;
  for (const entry of entries) {
    const path = above + entry.path;
    for (const parent of parentsOf(entry.path)) {
      if (members.has(above + parent)) continue;
      const mode = directoryModes.get(parent) ?? DIRECTORY_MODE;
      const kind = "directory";
      members.set(above + parent, { kind, path: above + parent, mode });
    }
    if (entry.kind === "file") {
      contentSize += entry.size;
      const source = origins.get(entry.path) ?? entry.path;
      const { kind, mode, size } = entry;
      members.set(path, { kind, path, mode, size, source });
    } else if (entry.kind === "symlink") {
      const mode = linkModes.get(entry.path) ?? LINK_MODE;
      const { kind, target } = entry;
      members.set(path, { kind, path, mode, target });
    } else {
      const { kind, mode } = entry;
      members.set(path, { kind, path, mode });
    }
  }
  const sorted = [...members.values()].sort((a, b) =>
    comparePaths(a.path, b.path)
  );
  if (portable) checkPortable(tree, sorted);
  return { members: sorted, contentSize, unusedPatterns: filter.unused };
}

function* parentsOf(path: string): Iterable<string> {
  for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
    yield path.slice(0, at);
  }
}

function unsupported(tree: FileTree, path: string): PspfError {
  return new PspfError(
    "archive/unsupported-entry",
    `Cannot pack ${
      JSON.stringify(path)
    } of ${tree.name}: it is neither a file, a directory nor a symbolic link`,
    {
      context: { path, tree: tree.name },
      hint: "Exclude it: exclude = [...] in the slot",
    },
  );
}

/** What no reader would extract, or what would be stored as another name. */
function checkName(tree: FileTree, path: string): void {
  let reason = "the name is not valid Unicode";
  try {
    if (path.isWellFormed() && checkEntryPath(path) === path) return;
  } catch (error) {
    if (!(error instanceof PspfError)) throw error;
    reason = error.message.slice(error.message.lastIndexOf(": ") + 2);
  }
  throw new PspfError(
    "build/failed",
    `Cannot pack ${JSON.stringify(path)} of ${tree.name}: ${reason}`,
    {
      context: { path, tree: tree.name },
      hint: "Rename the file, or leave it out with an exclude pattern",
    },
  );
}

/** What the existing launchers would put elsewhere or not extract at all. */
function checkPortable(tree: FileTree, members: readonly TarMember[]): void {
  const dissolved = members.find(({ kind, path }) =>
    kind === "directory" && /^slot_[^/]*$/.test(path)
  );
  const empty = members.length === 0;
  if (dissolved === undefined && !empty) return;
  const path = dissolved?.path ?? "";
  throw new PspfError(
    "build/failed",
    empty
      ? `Cannot pack ${tree.name} in the portable profile: the archive would be empty`
      : `Cannot pack "${path}" of ${tree.name} in the portable profile: top-level directories that start with "slot_" are dissolved by the Go launcher`,
    {
      context: { path, tree: tree.name },
      hint: "Rename the directory, give the slot a target, or use our launcher",
    },
  );
}
