import { readFileSync } from "node:fs";
import { join } from "node:path";
import { listFiles, type MirrorPackage } from "./mirror_package.ts";

/** An import of another package: keyword, quote, package, module. */
const BARE_IMPORT_REGEXP =
  /(\bfrom\s*|\bimport\s*\(?\s*)(["'])@std\/([^"'/]+)(\/[^"']+)?\2/g;

/** What the repository holds beside the modules that JSR serves. */
const UNPUBLISHED_REGEXP =
  /_test\.ts$|(^|\/)(testdata|_benches|_tools|deno\.json$)/;

/**
 * Lays out packages of a checkout of the standard library's repository the way
 * JSR does: bare imports of other packages become `jsr:` specifiers.
 */
export function makeStdFromSource(
  std: string,
  versions: ReadonlyMap<string, string>,
): ReadonlyMap<string, MirrorPackage> {
  const packages = new Map<string, MirrorPackage>();
  for (const fullName of versions.keys()) {
    if (fullName.startsWith("@std/")) add(fullName.slice("@std/".length));
  }
  return packages;

  function add(name: string): MirrorPackage {
    const found = packages.get(name);
    if (found !== undefined) return found;
    const folder = join(std, name);
    const { version, exports } = JSON.parse(
      readFileSync(join(folder, "deno.json"), "utf8"),
    );
    const made: MirrorPackage = {
      version,
      exports: typeof exports === "string" ? { ".": exports } : exports,
      files: new Map(),
    };
    packages.set(name, made);
    for (const path of listFiles(folder)) {
      if (!/\.(m?ts|m?js|json)$/.test(path)) continue;
      if (UNPUBLISHED_REGEXP.test(path)) continue;
      made.files.set(
        path,
        linkPackages(readFileSync(join(folder, path), "utf8")),
      );
    }
    return made;
  }

  /** The comments hold examples whose imports would be taken for real ones. */
  function linkPackages(text: string): string {
    return text.replaceAll(/\/\*\*[\s\S]*?\*\//g, "").replaceAll(
      BARE_IMPORT_REGEXP,
      (
        _whole,
        keyword: string,
        quote: string,
        name: string,
        module: string | undefined,
      ) =>
        `${keyword}${quote}jsr:@std/${name}@^${add(name).version}${
          module ?? ""
        }${quote}`,
    );
  }
}
