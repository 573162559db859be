/**
 * Bundles the page of `flavor serve` into `lib/web/page_assets.js`, which is
 * not committed:
 *
 *     scripts/dev page
 *
 * `scripts/dev` does it by itself when the sources have changed. The argument
 * is written down as the first line, and says which sources it was made of.
 */

import { readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import process from "node:process";
import { fileURLToPath } from "node:url";

const root = fileURLToPath(new URL("..", import.meta.url));
const made = `${root}lib/web/page_assets.js`;

/** The page's script as one module. */
async function bundle(): Promise<string> {
  const output = `${made}.${process.pid}.bundle.js`;
  try {
    const { code, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [
        "bundle",
        "--quiet",
        "--platform=browser",
        "--minify",
        `--output=${output}`,
        `${root}lib/web/page/main.ts`,
      ],
      stdout: "null",
    }).output();
    if (code !== 0) throw new Error(new TextDecoder().decode(stderr));
    return readFileSync(output, "utf8");
  } finally {
    rmSync(output, { force: true });
  }
}

const script = await bundle();
if (/(?:from|import)\s*["']node:/.test(script)) {
  throw new Error("The page imports a module that browsers do not have");
}
const style = readFileSync(`${root}lib/web/page/page.css`, "utf8");
const temporary = `${made}.${process.pid}`;
writeFileSync(
  temporary,
  `// ${Deno.args[0] ?? "by hand"}
export const SCRIPT = ${JSON.stringify(script)};
export const STYLE = ${JSON.stringify(style)};
`,
);
// Two builds at once make the same.
renameSync(temporary, made);
