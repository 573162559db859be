/**
 * Checks that every package in the import map of deno.json is imported
 * somewhere: one that nothing needs any more has to go.
 */

import { globSync, readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };

/** Where imports count; `native/` and what is generated hold none. */
const SOURCES = ["*.ts", "{examples,lib,scripts,tests}/**/*.ts"];

/**
 * Finds packages that no source imports.
 *
 * @param packages Keys of the import map, such as `@std/path`.
 * @param sources Texts of all modules.
 * @returns The unused packages.
 */
export function findUnused(
  packages: readonly string[],
  sources: readonly string[],
): readonly string[] {
  return packages.filter((name) => {
    // In a comment the line begins with ` * `: an example counts, too, as it is a test.
    const regexp = new RegExp(
      `^[ *]*(?:(?:import|export) .*|\\} )?(?:from |import )"${
        RegExp.escape(name)
      }["/]`,
      "m",
    );
    return !sources.some((source) => regexp.test(source));
  });
}

if (import.meta.main) {
  const root = fileURLToPath(new URL("..", import.meta.url));
  const sources = globSync(SOURCES, { cwd: root }).map((path) =>
    readFileSync(`${root}/${path}`, "utf8")
  );
  const unused = findUnused(Object.keys(config.imports), sources);
  for (const name of unused) {
    console.error(`deno.json maps ${name}, which nothing imports`);
  }
  if (unused.length > 0) Deno.exitCode = 1;
}
