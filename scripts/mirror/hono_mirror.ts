import { existsSync, readFileSync } from "node:fs";
import { dirname, join, posix } from "node:path";
import {
  IMPORT_REGEXP,
  listFiles,
  type MirrorPackage,
} from "./mirror_package.ts";

/** hono's npm package holds ES modules with declarations beside each other. */
export function makeHono(hono: string, version: string): MirrorPackage {
  const made: MirrorPackage = { version, exports: {}, files: new Map() };
  const manifest = JSON.parse(readFileSync(join(hono, "package.json"), "utf8"));
  for (const path of listFiles(join(hono, "dist"))) {
    if (path.startsWith("cjs/")) continue;
    if (!/\.(js|d\.ts)$/.test(path)) continue;
    let text = readFileSync(join(hono, "dist", path), "utf8");
    const declaration = `types/${path.replace(/\.js$/, ".d.ts")}`;
    if (path.endsWith(".js") && existsSync(join(hono, "dist", declaration))) {
      const back = posix.relative(dirname(path), declaration);
      text = `/* @ts-self-types="${
        back.startsWith(".") ? back : `./${back}`
      }" */\n${text}`;
    }
    if (path.endsWith(".d.ts")) {
      text = resolveDeclarationImports(hono, path, text);
    }
    made.files.set(path, text);
  }
  for (
    const [name, target] of Object.entries<{ import?: string }>(
      manifest.exports,
    )
  ) {
    const path = target.import?.replace(/^\.\/dist\//, "");
    if (path !== undefined && made.files.has(path)) {
      made.exports[name] = `./${path}`;
    }
  }
  return made;
}

/** Declarations for npm leave the file suffix out, which Deno does not accept. */
function resolveDeclarationImports(
  hono: string,
  path: string,
  text: string,
): string {
  return text.replaceAll(
    IMPORT_REGEXP,
    (whole: string, keyword: string, quote: string, specifier: string) => {
      const base = specifier.replace(/\.js$/, "");
      const found = [`${base}.d.ts`, `${base}/index.d.ts`]
        .find((name) => existsSync(join(hono, "dist", dirname(path), name)));
      return found === undefined ? whole : `${keyword}${quote}${found}${quote}`;
    },
  );
}
