import { globToRegExp } from "@std/path/posix";

/** Which members of a tree are taken. */
export interface PathFilterOptions {
  /** Only what matches one of these; everything when empty or absent. */
  readonly include?: readonly string[] | undefined;
  /** Never what matches one of these, even if included. */
  readonly exclude?: readonly string[] | undefined;
}

interface Pattern {
  readonly text: string;
  readonly regExp: RegExp;
  /** Whether it is matched against the last part of a path only. */
  readonly byName: boolean;
  readonly directoriesOnly: boolean;
  used: boolean;
}

/**
 * Chooses members of a tree by glob patterns.
 *
 * `*` and `?` stay inside one name, `**` crosses directories, `[ab]` and
 * `{a,b}` choose. A pattern without a slash matches a name at any depth, one
 * with a slash the path from the root, and one that ends with a slash only
 * directories. Whatever matches a directory covers everything below it.
 */
export class PathFilter {
  readonly #include: readonly Pattern[];
  readonly #exclude: readonly Pattern[];

  /** Compiles the patterns. */
  constructor(options: PathFilterOptions = {}) {
    this.#include = (options.include ?? []).map(compile);
    this.#exclude = (options.exclude ?? []).map(compile);
  }

  /** Include patterns that matched nothing so far: most likely misspelled. */
  get unused(): readonly string[] {
    return this.#include.filter((it) => !it.used).map((it) => it.text);
  }

  /** Whether a member is taken; its path is below the root, `/`-separated. */
  takes(
    path: string,
    kind: "file" | "directory" | "symlink" | "other",
  ): boolean {
    if (matches(this.#exclude, path, kind)) return false;
    return this.#include.length === 0 || matches(this.#include, path, kind);
  }

  /** Whether anything below a directory can be taken, so that it has to be listed. */
  descends(path: string): boolean {
    return !matches(this.#exclude, path, "directory");
  }
}

function compile(text: string): Pattern {
  const directoriesOnly = text.endsWith("/");
  const inner = text.replace(/^\.?\//, "").replace(/\/+$/, "");
  const byName = !text.replace(/\/+$/, "").includes("/");
  const regExp = globToRegExp(inner, { extended: false, globstar: true });
  return { text, regExp, byName, directoriesOnly, used: false };
}

/** Tries the path itself and every directory above it. */
function matches(
  patterns: readonly Pattern[],
  path: string,
  kind: string,
): boolean {
  if (patterns.length === 0) return false;
  for (let end = path.length; end > 0; end = path.lastIndexOf("/", end - 1)) {
    const part = path.slice(0, end);
    const isDirectory = end < path.length || kind === "directory";
    const name = part.slice(part.lastIndexOf("/") + 1);
    for (const pattern of patterns) {
      if (pattern.directoriesOnly && !isDirectory) continue;
      if (!pattern.regExp.test(pattern.byName ? name : part)) continue;
      pattern.used = true;
      return true;
    }
  }
  return false;
}
