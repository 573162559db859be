/**
 * Generates a local stand-in for the parts of JSR that this project imports,
 * for networks that reach the npm registry but not JSR.
 *
 *     generate.ts ROOT STD HONO TARGET
 *
 * ROOT is the checkout, STD the npm package `deno-std` (the standard library
 * compiled to JavaScript), HONO the npm package `hono`, TARGET the folder to
 * make. Each package gets the lowest version that deno.json accepts, and
 * exports just the modules for which `types/` has a declaration or
 * `stand_ins/` an implementation, so everything importable is typed.
 *
 * Runs before any `jsr:` import can work, hence node: built-ins only.
 */

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync } from "node:fs";
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { basename, dirname, join, posix, relative } from "node:path";
import process from "node:process";

/** One package of the mirror while it is being made. */
interface MirrorPackage {
  readonly version: string;
  /** Export name (`./parse-args`) to file (`./parse_args.js`). */
  readonly exports: Record<string, string>;
  /** File path inside the package to its text. */
  readonly files: Map<string, string>;
}

const INTERNAL_VERSION = "1.0.0";
const IMPORT_REGEXP = /(\bfrom\s*|\bimport\s*\(?\s*)(["'])(\.{1,2}\/[^"']+)\2/g;

/** Export names are the kebab-case of file names; `mod` is the package itself. */
function exportName(path: string): string {
  const stem = path.replace(/\.(d\.ts|ts|js)$/, "").replaceAll("_", "-");
  return stem === "mod" ? "." : `./${stem.replace(/\/mod$/, "")}`;
}

function listFiles(folder: string): string[] {
  if (!existsSync(folder)) return [];
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      relative(folder, join(entry.parentPath, entry.name)).replaceAll("\\", "/")
    )
    .sort();
}

/** Makes the standard library's packages out of the npm package `deno-std`. */
class StdMirror {
  readonly packages = new Map<string, MirrorPackage>();

  constructor(
    readonly std: string,
    readonly versions: ReadonlyMap<string, string>,
  ) {}

  package(name: string): MirrorPackage {
    let found = this.packages.get(name);
    if (found === undefined) {
      const version = this.versions.get(`@std/${name}`) ?? INTERNAL_VERSION;
      found = { version, exports: {}, files: new Map() };
      this.packages.set(name, found);
    }
    return found;
  }

  /** Adds a JavaScript module and, with it, all that it imports. */
  addModule(name: string, path: string): void {
    const target = this.package(name);
    if (target.files.has(path)) return;
    target.files.set(path, "");
    const source = readFileSync(join(this.std, name, path), "utf8");
    if (path.endsWith(".json")) {
      target.files.set(path, source);
      return;
    }
    // The comments hold examples whose imports would be taken for real ones.
    const text = source.replaceAll(/\/\*\*[\s\S]*?\*\//g, "").replaceAll(
      IMPORT_REGEXP,
      (whole: string, keyword: string, quote: string, specifier: string) => {
        const [other, ...rest] = posix.join(name, dirname(path), specifier)
          .split("/");
        const file = rest.join("/");
        if (other === undefined || file === "") return whole;
        this.addModule(other, file);
        if (other === name) return whole;
        this.package(other).exports[exportName(file)] ??= `./${file}`;
        const inner = exportName(file).slice(1);
        return `${keyword}${quote}jsr:@std/${other}@^${
          this.package(other).version
        }${inner}${quote}`;
      },
    );
    target.files.set(path, text);
  }

  /** Publishes a module of the npm package under declarations of ours. */
  addTyped(name: string, declaration: string, types: string): void {
    const path = declaration.replace(/\.d\.ts$/, ".js");
    const target = this.package(name);
    this.addModule(name, path);
    target.files.set(declaration, types);
    const hint = `/* @ts-self-types="./${basename(declaration)}" */\n`;
    target.files.set(path, hint + target.files.get(path));
    target.exports[exportName(declaration)] = `./${path}`;
  }

  /**
   * Publishes the modules behind a `mod.js`, so that `@std/path/join` works
   * where `@std/path` does. What `mod.d.ts` does not declare stays out.
   */
  addPartsOf(name: string, modDeclaration: string): void {
    const target = this.package(name);
    const folder = dirname(modDeclaration);
    const types = target.files.get(modDeclaration) ?? "";
    const inherited = /^export \* from "(.*)"/.exec(types)?.[1];
    const source = inherited === undefined
      ? types
      : target.files.get(posix.join(folder, inherited)) ?? "";
    const modText =
      target.files.get(modDeclaration.replace(/\.d\.ts$/, ".js")) ?? "";
    for (
      const [, part = ""] of modText.matchAll(
        /^export \* from "\.\/(\w+)\.js"/gm,
      )
    ) {
      const declaration = posix.join(folder, `${part}.d.ts`);
      const path = posix.join(folder, `${part}.js`);
      if (target.files.has(declaration)) continue;
      const declared = listExports(target.files.get(path) ?? "")
        .filter((symbol) => listExports(source).includes(symbol));
      if (declared.length === 0) continue;
      this.addTyped(
        name,
        declaration,
        `export { ${declared.join(", ")} } from "./mod.d.ts";\n`,
      );
    }
  }
}

/** Names of what a module declares and exports. */
function listExports(text: string): string[] {
  const regexp =
    /^export (?:declare )?(?:async )?(?:function|class|const) (\w+)/gm;
  return [...text.matchAll(regexp)].map(([, name = ""]) => name);
}

/** hono's npm package holds ES modules with declarations beside each other. */
function makeHono(hono: string, version: string): MirrorPackage {
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

/** Lays a package out as Deno reads it from `JSR_URL=file:///…/`. */
function writePackage(
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

/** Package name to the lowest version that its `jsr:` range accepts. */
function readVersions(root: string): Map<string, string> {
  const { imports } = JSON.parse(readFileSync(join(root, "deno.json"), "utf8"));
  const versions = new Map<string, string>();
  for (const specifier of Object.values<string>(imports)) {
    const match = /^jsr:(@[^/]+\/[^@/]+)@\^(\d+\.\d+\.\d+)$/.exec(specifier);
    const [, name, version] = match ?? [];
    if (name === undefined || version === undefined) {
      throw new Error(
        `deno.json: "${specifier}" is not of the form jsr:@scope/name@^1.2.3`,
      );
    }
    versions.set(name, version);
  }
  return versions;
}

function generate(
  root: string,
  std: string,
  hono: string,
  target: string,
): void {
  const here = join(root, "scripts", "mirror");
  const versions = readVersions(root);
  const mirror = new StdMirror(std, versions);
  for (const file of listFiles(join(here, "types"))) {
    const [name = "", ...rest] = file.split("/");
    const types = readFileSync(join(here, "types", file), "utf8");
    if (versions.has(`@std/${name}`)) {
      mirror.addTyped(name, rest.join("/"), types);
    }
  }
  for (const file of listFiles(join(here, "stand_ins"))) {
    const [name = "", ...rest] = file.split("/");
    const path = rest.join("/");
    if (!versions.has(`@std/${name}`)) continue;
    const made = mirror.package(name);
    made.files.set(path, readFileSync(join(here, "stand_ins", file), "utf8"));
    made.exports[exportName(path)] = `./${path}`;
  }
  // Made aside and renamed, so that a mirror is there whole or not at all.
  const work = `${target}.${process.pid}`;
  rmSync(work, { recursive: true, force: true });
  for (const [name, made] of mirror.packages) {
    writePackage(work, `@std/${name}`, made);
  }
  const honoVersion = versions.get("@hono/hono");
  if (honoVersion !== undefined) {
    writePackage(work, "@hono/hono", makeHono(hono, honoVersion));
  }
  try {
    renameSync(work, target);
  } catch (error) {
    rmSync(work, { recursive: true, force: true });
    // Another first run may have been faster, and made the same mirror.
    if (!existsSync(target)) throw error;
  }
}

const [root, std, hono, target] = process.argv.slice(2);
if (
  root === undefined || std === undefined || hono === undefined ||
  target === undefined
) {
  console.error("usage: generate.ts ROOT STD HONO TARGET");
  process.exit(2);
}
generate(root, std, hono, target);
