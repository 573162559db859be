import { PspfError } from "../errors.ts";
import { parentsOf } from "../io/extract_target.ts";
import type { FileTree, FileTreeEntry } from "../io/file_tree.ts";
import { type ModeRule, packedMode } from "./mode_rule.ts";
import { checkEntryPath, comparePaths } from "./path_policy.ts";
import { PathFilter, type PathFilterOptions } from "./path_filter.ts";
import { resolveLinks } from "./resolve_links.ts";
import { MAX_MEMBER_SIZE, type TarMember } from "./tar_header.ts";

/** Options of {@linkcode listMembers}. */
export interface ListMembersOptions extends PathFilterOptions {
  /** Directory inside the archive that everything is put into. */
  readonly prefix?: string | undefined;
  /**
   * Which permission bits are kept.
   *
   * @default {"owner"}
   */
  readonly modes?: ModeRule | undefined;
  /** Keeps to what the existing launchers can extract. */
  readonly portable?: boolean | undefined;
  /** Stops the listing; the rejection carries the signal's reason. */
  readonly signal?: AbortSignal | undefined;
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
 */
export async function listMembers(
  tree: FileTree,
  options: ListMembersOptions = {},
): Promise<MemberList> {
  const { prefix = "", modes = "owner", portable = false, signal } = options;
  const filter = new PathFilter(options);
  const entries: FileTreeEntry[] = [];
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
    entries.push(entry);
  }
  const resolved = portable ? resolveLinks(tree.name, entries) : undefined;
  const above = prefix === "" ? "" : `${prefix}/`;
  const members = new Map<string, TarMember>();
  const addParents = (of: string): void => {
    for (const path of parentsOf(of)) {
      if (members.has(path)) continue;
      const mode = directoryModes.get(path.slice(above.length));
      const kind = "directory";
      members.set(path, { kind, path, mode: mode ?? DIRECTORY_MODE });
    }
  };
  addParents(above);
  let contentSize = 0;
  for (const entry of resolved?.entries ?? entries) {
    checkName(tree, entry.path, above);
    const path = above + entry.path;
    addParents(path);
    if (entry.kind === "file") {
      checkSize(tree, entry);
      contentSize += entry.size;
      const source = resolved?.origins.get(entry.path) ?? entry.path;
      const { kind, mode, size } = entry;
      members.set(path, { kind, path, mode, size, source });
    } else if (entry.kind === "symlink") {
      const mode = resolved?.linkModes.get(entry.path) ?? LINK_MODE;
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

function unsupported(tree: FileTree, path: string): PspfError {
  const shown = JSON.stringify(path);
  return new PspfError(
    "archive/unsupported-entry",
    `Cannot pack ${shown} of ${tree.name}: it is neither a file nor a directory nor a symbolic link`,
    {
      context: { path, tree: tree.name },
      hint: "Exclude it: exclude = [...] in the slot",
    },
  );
}

/** What no reader would extract, or what would be stored as another name. */
function checkName(tree: FileTree, path: string, above: string): void {
  let reason = "the name is not valid Unicode";
  try {
    if (path.isWellFormed() && checkEntryPath(path) === path) {
      checkEntryPath(above + path);
      return;
    }
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

/** `UntarStream` reads nothing but octal sizes, so a larger file would be lost. */
function checkSize(
  tree: FileTree,
  { path, size }: { readonly path: string; readonly size: number },
): void {
  if (size <= MAX_MEMBER_SIZE) return;
  throw new PspfError(
    "build/too-large",
    `Cannot pack ${
      JSON.stringify(path)
    } of ${tree.name}: it has ${size} bytes, and a file in an archive must be smaller than 8 GiB`,
    {
      context: {
        path,
        tree: tree.name,
        expected: MAX_MEMBER_SIZE,
        actual: size,
      },
      hint:
        "Give the file a slot of its own, and exclude it here: exclude = [...]",
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
