import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { dirname, join, relative } from "node:path";

/** One package of the mirror while it is being made. */
export interface MirrorPackage {
  readonly version: string;
  /** Export name (`./parse-args`) to file (`./parse_args.js`). */
  readonly exports: Record<string, string>;
  /** File path inside the package to its text. */
  readonly files: Map<string, string>;
}

/** A relative import or export: keyword, quote, specifier. */
export const IMPORT_REGEXP =
  /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"']+)\2/g;

/** All files below a folder, relative to it, sorted; none where it is missing. */
export function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/")
    )
    .sort();
}

/** Export names are the kebab-case of file names; `mod` is the package itself. */
export function exportName(path: string): string {
  const stem = path.replace(/\.(d\.ts|ts|js)$/, "").replaceAll("_", "-");
  return stem === "mod" ? "." : `./${stem.replace(/\/mod$/, "")}`;
}

/** Lays a package out as Deno reads it below `JSR_URL`. */
export function writePackage(
  root: string,
  fullName: string,
  made: MirrorPackage,
): void {
  const [scope = "", name = ""] = fullName.slice(1).split("/");
  const folder = join(root, `@${scope}`, name);
  const manifest: Record<string, { size: number; checksum: string }> = {};
  for (const [path, text] of made.files) {
    const file = join(folder, made.version, path);
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
    const bytes = new TextEncoder().encode(text);
    manifest[`/${path}`] = {
      size: bytes.length,
      checksum: `sha256-${createHash("sha256").update(bytes).digest("hex")}`,
    };
  }
  writeJson(join(folder, `${made.version}_meta.json`), {
    manifest,
    exports: made.exports,
  });
  writeJson(join(folder, "meta.json"), {
    scope,
    name,
    latest: made.version,
    versions: { [made.version]: {} },
  });
}

function writeJson(path: string, value: unknown): void {
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, JSON.stringify(value, undefined, 1) + "\n");
}
