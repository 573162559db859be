import { formatPermissions } from "../format/slot_words.ts";
import type { ListedFile } from "../read/listed_files.ts";
import { formatSize, visibleText } from "./text.ts";

/** A directory on the way to being drawn. */
interface Branch {
  readonly branches: Map<string, Branch>;
  readonly leaves: Map<string, string>;
}

/** Draws files as a tree, directories first, each line with what is known. */
export function fileTreeText(files: readonly ListedFile[]): string {
  const root: Branch = { branches: new Map(), leaves: new Map() };
  for (const file of files) place(root, file);
  return draw(root, "").join("\n");
}

function place(root: Branch, file: ListedFile): void {
  const parts = file.path.split("/").map((part) => visibleText(part));
  const name = parts.at(-1) ?? "";
  let at = root;
  for (const part of file.kind === "directory" ? parts : parts.slice(0, -1)) {
    const next = at.branches.get(part) ??
      { branches: new Map(), leaves: new Map() };
    at.branches.set(part, next);
    at = next;
  }
  if (file.kind === "link") {
    at.leaves.set(name, `-> ${visibleText(file.target)}`);
  } else if (file.kind === "file") {
    const facts = [formatPermissions(file.mode), formatSize(file.size)];
    at.leaves.set(name, facts.join("  "));
  }
}

function draw({ branches, leaves }: Branch, indent: string): string[] {
  const sorted = <T>(map: Map<string, T>): [string, T][] =>
    [...map].sort(([a], [b]) => a < b ? -1 : 1);
  const names = sorted(leaves);
  const widest = names.reduce((most, [name]) => Math.max(most, name.length), 0);
  return [
    ...sorted(branches).flatMap(([name, branch]) => [
      `${indent}${name}/`,
      ...draw(branch, `${indent}  `),
    ]),
    ...names.map(([name, facts]) =>
      `${indent}${name.padEnd(Math.min(widest, 60))}  ${facts}`
    ),
  ];
}
