/**
 * Checks what JSR would receive, with `deno publish --dry-run` on a copy of
 * the package alone.
 *
 * The copy also shows that the package is complete without the rest of the
 * checkout. In the checkout itself Deno takes the local mirror, which lies
 * inside, for modules that are missing from the package.
 */

import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import config from "../deno.json" with { type: "json" };

const root = fileURLToPath(new URL("..", import.meta.url));
const copy = mkdtempSync(join(tmpdir(), "flavor-publish-"));
try {
  for (const pattern of [...config.publish.include, "scripts/lint_plugin.ts"]) {
    for (const path of globSync(pattern, { cwd: root })) {
      mkdirSync(dirname(join(copy, path)), { recursive: true });
      cpSync(join(root, path), join(copy, path));
    }
  }
  for (const path of Object.values<string>(config.exports)) {
    if (!existsSync(join(copy, path))) {
      throw new Error(`publish.include leaves ${path} out`);
    }
  }
  const { code } = await new Deno.Command(Deno.execPath(), {
    args: ["publish", "--dry-run", "--quiet"],
    cwd: copy,
  }).spawn().status;
  Deno.exitCode = code;
} finally {
  rmSync(copy, { recursive: true });
}
