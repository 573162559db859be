/**
 * Bundles the page of `flavor serve` into `lib/web/page_assets.js`, which is
 * not committed:
 *
 *     scripts/dev page
 *
 * `scripts/dev` does it by itself when the sources have changed. The argument
 * is written down as the first line, and says which sources it was made of.
 */

import {
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));

/** The page's modules by name; what is imported only when it is needed is one of its own. */
async function bundle(made: string): Promise<Record<string, string>> {
  const directory = `${made}.${process.pid}.bundle`;
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--quiet",
        "--platform=browser",
        "--minify",
        "--code-splitting",
        `--outdir=${directory}`,
        `${root}lib/web/page/main.ts`,
      ],
      // Names of modules are made of paths from here.
      cwd: root,
      stdout: "null",
    }).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
    const names = readdirSync(directory).sort();
    return Object.fromEntries(
      names.map((name) => [name, readFileSync(`${directory}/${name}`, "utf8")]),
    );
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

/** Writes the module that holds the page; its first line says what it was made of. */
export async function buildPage(made: string, sources: string): Promise<void> {
  const scripts = await bundle(made);
  if (/(?:from|import)\s*["']node:/.test(Object.values(scripts).join("\n"))) {
    throw new Error("The page imports a module that browsers do not have");
  }
  const style = readFileSync(`${root}lib/web/page/page.css`, "utf8");
  const temporary = `${made}.${process.pid}`;
  writeFileSync(
    temporary,
    `// ${sources}
export const SCRIPTS = ${JSON.stringify(scripts)};
export const STYLE = ${JSON.stringify(style)};
`,
  );
  // Two builds at once make the same.
  renameSync(temporary, made);
}

if (import.meta.main) {
  await buildPage(`${root}lib/web/page_assets.js`, Deno.args[0] ?? "by hand");
}
