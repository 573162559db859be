import { join } from "@std/path";
import { readFileSync } from "node:fs";
import {
  listFiles,
  writePackage,
} from "../../scripts/mirror/mirror_package.ts";
import config from "../../deno.json" with { type: "json" };

const IMPORT_REGEXP = /(\bfrom\s*|\bimport\s*\(?\s*)"(@[^"]+)"/g;

/** What `deno publish` makes of the names in an import map and of workspace members. */
function unfurl(text: string): string {
  return text.replace(IMPORT_REGEXP, (all, before, specifier) => {
    const [scope, name, ...rest] = specifier.split("/");
    const path = rest.length === 0 ? "" : `/${rest.join("/")}`;
    const mapped = `${scope}/${name}` === "@flavor/launchers"
      ? `jsr:@flavor/launchers@^${config.version}`
      : (config.imports as Record<string, string>)[`${scope}/${name}`];
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
    const { version, exports } = JSON.parse(
      readFileSync(join(root, "deno.json"), "utf8"),
    );
    const files = listFiles(root)
      .filter((path) =>
        directory !== "" || !/^(launchers|scripts)\//.test(path)
      )
      .map((path) =>
        [path, unfurl(readFileSync(join(root, path), "utf8"))] as const
      );
    writePackage(registry, `@flavor/${name}`, {
      version,
      exports,
      files: new Map(files),
    });
  }
  Deno.symlinkSync(new URL("@std", mirror), join(registry, "@std"));
  return new URL(`file://${registry}/`);
}
