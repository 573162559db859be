import { listMembers } from "../archive/list_members.ts";
import { BytesSource } from "../io/bytes_source.ts";
import { parentsOf } from "../io/extract_target.ts";
import {
  type FileTree,
  type FileTreeEntry,
  filterTree,
} from "../io/file_tree.ts";
import { streamFrom } from "../io/stream_from.ts";
import type { Host } from "../host/types.ts";
import type { FoundSource } from "../pack/slot_source.ts";
import {
  eitherIgnores,
  NEVER_IN_PROJECTS,
  parseIgnore,
  readIgnore,
} from "./ignore.ts";

const CHUNK = 256 * 1024;

type Files = Pick<Host, "reader" | "writer">;

/** A directory as the content of a slot. */
export async function treeSource(
  path: string,
  reader: Host["reader"],
): Promise<FoundSource> {
  return { kind: "directory", tree: await reader.openTree(path) };
}

/** Text as the content of a slot. */
export function textSource(
  text: string,
  name: string,
  mode: number = 0o644,
): FoundSource {
  const bytes = new TextEncoder().encode(text);
  return {
    kind: "file",
    mode,
    open: () => Promise.resolve(new BytesSource(bytes, name)),
  };
}

/** Which files of a project are its own. */
export interface ProjectFiles {
  readonly include?: readonly string[] | undefined;
  readonly exclude?: readonly string[] | undefined;
}

/** The files of a project: without history, caches, and what its ignore file names. */
export async function projectTree(
  path: string,
  ignoreFiles: readonly string[],
  reader: Host["reader"],
  keep: readonly string[] = [],
): Promise<FileTree> {
  const never = NEVER_IN_PROJECTS.filter((name) => !keep.includes(name));
  const ignores = eitherIgnores(
    parseIgnore(never.join("\n")),
    await readIgnore(path, ignoreFiles, reader),
  );
  return withoutEmpty(filterTree(
    await reader.openTree(path),
    (one, isDirectory) => !ignores(one, isDirectory),
  ));
}

/** A directory of which everything is left out is left out: it would tell builds apart. */
function withoutEmpty(tree: FileTree): FileTree {
  return {
    name: tree.name,
    readFile: (path, size) => tree.readFile(path, size),
    openFile: (path) => tree.openFile(path),
    async *entries(descend): ReturnType<FileTree["entries"]> {
      const waiting = new Map<string, FileTreeEntry>();
      for await (const entry of tree.entries(descend)) {
        if (entry.kind === "directory") {
          waiting.set(entry.path, entry);
          continue;
        }
        for (const parent of parentsOf(entry.path)) {
          const directory = waiting.get(parent);
          if (directory !== undefined) yield directory;
          waiting.delete(parent);
        }
        yield entry;
      }
    },
  };
}

/** Copies the files of a project, so that building it leaves nothing in it. */
export async function copyProject(
  from: string,
  to: string,
  files: ProjectFiles,
  { reader, writer }: Files,
  keep: readonly string[] = [],
): Promise<void> {
  // What a build makes is often ignored by git, and needed.
  const names = keep.length > 0
    ? [".flavorignore"]
    : [".flavorignore", ".gitignore"];
  const tree = await projectTree(from, names, reader, keep);
  await copyTree(tree, to, files, writer);
}

async function* readAll(
  tree: FileTree,
  path: string,
): AsyncGenerator<Uint8Array, void, undefined> {
  using file = tree.openFile(path);
  for (;;) {
    const chunk = new Uint8Array(Math.min(file.size, CHUNK) || 1);
    const count = await file.readInto(chunk);
    if (count === 0) return;
    yield chunk.subarray(0, count);
  }
}

/** Copies a tree to a directory that does not exist yet. */
export async function copyTree(
  tree: FileTree,
  to: string,
  files: ProjectFiles,
  writer: Host["writer"],
): Promise<void> {
  const { members } = await listMembers(tree, { ...files, modes: "exact" });
  await using draft = await writer.createDirectory(to);
  for (const member of members) {
    if (member.kind === "directory") {
      await draft.target.directory(member.path, member.mode | 0o700);
    } else if (member.kind === "symlink") {
      await draft.target.symlink(member.path, member.target);
    } else {
      await draft.target.file(
        member.path,
        member.mode,
        member.size,
        streamFrom(readAll(tree, member.source)),
      );
    }
  }
  await draft.target.finish();
  await draft.commit();
}
