import { createHash } from "node:crypto";
import { lstatSync, readdirSync, readFileSync, readlinkSync } from "node:fs";
import { join } from "node:path";
import { parseRecord } from "./launch_record.ts";

/** One line per entry: path, type, mode and content, sorted by path. */
export type Tree = readonly string[];

/**
 * Describes a directory so that two fills of one package give equal trees.
 *
 * What says when, from where and with how much new content a package was
 * filled, and which files are known to be that package, is left out.
 *
 * @param root Absolute path of a cache or of a part of it.
 * @returns Everything below it.
 */
export function cacheTree(root: string): Tree {
  const lines: string[] = [];
  walk(root, "", lines);
  return lines.sort();
}

function walk(root: string, inside: string, lines: string[]): void {
  for (const name of readdirSync(join(root, inside))) {
    const path = join(inside, name);
    const info = lstatSync(join(root, path));
    const mode = (info.mode & 0o7777).toString(8);
    if (info.isDirectory()) {
      lines.push(`${path}/ ${mode}`);
      walk(root, path, lines);
    } else if (info.isSymbolicLink()) {
      lines.push(`${path} -> ${readlinkSync(join(root, path))}`);
    } else {
      lines.push(`${path} ${mode} ${digest(root, path)}`);
    }
  }
}

function digest(root: string, path: string): string {
  const bytes = readFileSync(join(root, path));
  let content: Uint8Array | string = bytes;
  if (path.endsWith(".pspf/info.json")) {
    const info: Record<string, unknown> = JSON.parse(bytes.toString());
    const occasion = {
      filled_at: 0,
      package_path: "",
      files: 0,
      size_bytes: 0,
    };
    content = JSON.stringify({ ...info, ...occasion });
  }
  if (path.endsWith(".pspf/launch")) content = parseRecord(bytes).plan;
  return createHash("sha256").update(content).digest("hex").slice(0, 16);
}
