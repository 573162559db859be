import { globToRegExp } from "@std/path/posix";
import { join } from "@std/path";
import type { FileReader } from "../host/types.ts";

/** Says of a path whether a package leaves it out. */
export type IgnoreRule = (path: string, isDirectory: boolean) => boolean;

/** What no package is made of: history, caches, and what tools can make again. */
export const NEVER_PACKED: readonly string[] = [
  ".git",
  ".hg",
  ".svn",
  ".DS_Store",
  ".mypy_cache/",
  ".pytest_cache/",
  ".ruff_cache/",
];

/** The same in a project, whose dependencies and results come by another way. */
export const NEVER_IN_PROJECTS: readonly string[] = [
  ...NEVER_PACKED,
  "__pycache__/",
  "*.pyc",
  ".venv/",
  ".tox/",
  ".nox/",
  "*.egg-info/",
  "node_modules/",
  "/dist/*.psp",
  "/keys/flavor-private.key",
];

interface Line {
  readonly regExp: RegExp;
  readonly isNegated: boolean;
  readonly directoriesOnly: boolean;
}

/** Reads the lines of a `.gitignore`; a later one wins over an earlier one. */
export function parseIgnore(text: string): IgnoreRule {
  const lines = text.split(/\r?\n/).map(compile)
    .filter((line) => line !== undefined);
  const verdict = (path: string, isDirectory: boolean): boolean => {
    let isIgnored = false;
    for (const { regExp, isNegated, directoriesOnly } of lines) {
      if (directoriesOnly && !isDirectory) continue;
      if (regExp.test(path)) isIgnored = !isNegated;
    }
    return isIgnored;
  };
  return (path, isDirectory) => {
    // What is in a directory that is left out cannot be taken in again.
    for (let at = path.indexOf("/"); at > 0; at = path.indexOf("/", at + 1)) {
      if (verdict(path.slice(0, at), true)) return true;
    }
    return verdict(path, isDirectory);
  };
}

function compile(raw: string): Line | undefined {
  // A space at the end counts only behind a backslash.
  const text = raw.replace(/(?<!\\)\s+$/, "");
  if (text === "" || text.startsWith("#")) return undefined;
  const isNegated = text.startsWith("!");
  const pattern = (isNegated ? text.slice(1) : text).replace(/^\\(?=[!#])/, "");
  const inner = pattern.replace(/^\//, "").replace(/\/$/, "");
  const anyDepth = !pattern.replace(/\/$/, "").includes("/");
  const glob = globToRegExp(anyDepth ? `**/${inner}` : inner, {
    extended: false,
    globstar: true,
  });
  return { regExp: glob, isNegated, directoriesOnly: pattern.endsWith("/") };
}

/** Either of two rules is enough. */
export function eitherIgnores(...rules: readonly IgnoreRule[]): IgnoreRule {
  return (path, isDirectory) => rules.some((rule) => rule(path, isDirectory));
}

/** Reads what a directory says: its `.flavorignore`, else its `.gitignore`. */
export async function readIgnore(
  directory: string,
  names: readonly string[],
  reader: FileReader,
): Promise<IgnoreRule> {
  for (const name of names) {
    const path = join(directory, name);
    if ((await reader.facts(path))?.kind !== "file") continue;
    const bytes = await reader.readBytes(path, 1024 * 1024);
    return parseIgnore(new TextDecoder().decode(bytes));
  }
  return () => false;
}
