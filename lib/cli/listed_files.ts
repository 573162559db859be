import { encodeHex } from "@std/encoding/hex";

import { createSha256 } from "../crypto/sha256.ts";
import { formatPermissions } from "../format/slot_words.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import { formatSize, visibleText } from "./text.ts";

/** One thing that a slot would put into the workenv, by its path below it. */
export type ListedFile =
  | {
    readonly kind: "file";
    readonly path: string;
    /** Permission bits. */
    readonly mode: number;
    /** Length in bytes. */
    readonly size: number;
    /** SHA-256 of the content; absent unless asked for. */
    readonly sha256?: string;
  }
  | { readonly kind: "directory"; readonly path: string; readonly mode: number }
  | {
    readonly kind: "link";
    readonly path: string;
    /** Where it points; for a hard link the file that it repeats. */
    readonly target: string;
  };

/** Takes what is extracted down in a list and writes nothing. */
export class ListingTarget implements ExtractTarget {
  /** What to call it in messages. */
  readonly name = "listing";
  /** What was extracted, in the order of the slot. */
  readonly files: ListedFile[] = [];
  readonly #withDigests: boolean;

  constructor(withDigests: boolean = false) {
    this.#withDigests = withDigests;
  }

  directory(path: string, mode: number): Promise<void> {
    this.files.push({ kind: "directory", path, mode });
    return Promise.resolve();
  }

  async file(
    path: string,
    mode: number,
    _size: number | undefined,
    content: ReadableStream<Uint8Array>,
  ): Promise<void> {
    const hash = this.#withDigests ? createSha256() : undefined;
    let size = 0;
    for await (const chunk of content) {
      size += chunk.length;
      await hash?.update(chunk);
    }
    const sha256 = hash && encodeHex(await hash.digest());
    this.files.push({
      kind: "file",
      path,
      mode,
      size,
      ...(sha256 && { sha256 }),
    });
  }

  symlink(path: string, target: string): Promise<void> {
    this.files.push({ kind: "link", path, target });
    return Promise.resolve();
  }

  hardLink(path: string, existing: string): Promise<void> {
    return this.symlink(path, existing);
  }

  finish(): Promise<void> {
    return Promise.resolve();
  }
}

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
