import { readFileSync } from "node:fs";
import { basename, dirname, join, posix } from "node:path";
import {
  exportName,
  IMPORT_REGEXP,
  type MirrorPackage,
} from "./mirror_package.ts";

/** For packages that only other packages of the mirror import. */
const INTERNAL_VERSION = "1.0.0";

/** Makes the standard library's packages out of the npm package `deno-std`. */
export class StdMirror {
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
