import { join } from "@std/path";
import { readFileSync } from "node:fs";
import {
  listFiles,
  writePackage,
} from "../../scripts/mirror/mirror_package.ts";

const IMPORT_REGEXP = /(\bfrom\s*|\bimport\s*\(?\s*)"([@a-z][^":]*)"/g;

type ImportMap = Readonly<Record<string, string>>;

/** What `deno publish` makes of the names in an import map. */
function unfurl(text: string, imports: ImportMap): string {
  return text.replace(IMPORT_REGEXP, (all, before, specifier) => {
    const [, name = "", path = ""] =
      /^(@[^/]+\/[^/]+|[^/]+)(\/.*)?$/.exec(specifier) ??
        [];
    const mapped = imports[name];
    return mapped === undefined ? all : `${before}"${mapped}${path}"`;
  });
}

/** Puts a staged release into a registry on this disk, beside the standard library. */
export function publishLocally(
  staging: string,
  registry: string,
  mirror: URL,
): URL {
  for (const [directory, name] of [["", "pspf"], ["launchers", "launchers"]]) {
    const root = join(staging, directory ?? "");
    const { version, exports, imports = {} } = JSON.parse(
      readFileSync(join(root, "deno.json"), "utf8"),
    );
    const files = listFiles(root)
      .filter((path) =>
        directory !== "" || !/^(launchers|scripts)\//.test(path)
      )
      .map((path) =>
        [path, unfurl(readFileSync(join(root, path), "utf8"), imports)] as const
      );
    writePackage(registry, `@flavor/${name}`, {
      version,
      exports,
      files: new Map(files),
    });
  }
  for (const scope of ["@std", "@hono"]) {
    Deno.symlinkSync(new URL(scope, mirror), join(registry, scope));
  }
  return new URL(`file://${registry}/`);
}
