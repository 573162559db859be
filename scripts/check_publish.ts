/**
 * Checks what JSR would receive, with `deno publish --dry-run` on the packages
 * alone, as a release stages them.
 *
 * The copy also shows that they are complete without the rest of the
 * checkout. In the checkout itself Deno takes the local mirror, which lies
 * inside, for modules that are missing from the package.
 */

import { existsSync, globSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { BUILT_RELEASE } from "../lib/release/built_release.ts";
import config from "../deno.json" with { type: "json" };
import { readLaunchers, ROOT, stage } from "./release/staging.ts";

const copy = mkdtempSync(join(tmpdir(), "flavor-publish-"));
try {
  const arch = Deno.build.arch === "x86_64" ? "amd64" : "arm64";
  const own = `dist/bin/flavor-rs-launcher-${Deno.build.os}_${arch}*`;
  const launchers = globSync(own, { cwd: ROOT });
  await stage(
    copy,
    await readLaunchers(launchers.map((path) => join(ROOT, path))),
    BUILT_RELEASE,
  );
  for (const path of Object.values<string>(config.exports)) {
    if (!existsSync(join(copy, path))) {
      throw new Error(`publish.include leaves ${path} out`);
    }
  }
  // Deno publishes the package of the directory alone, and the second needs the first.
  for (const directory of [join(copy, "launchers"), copy]) {
    const { code } = await new Deno.Command(Deno.execPath(), {
      args: ["publish", "--dry-run", "--quiet"],
      cwd: directory,
    }).spawn().status;
    if (code !== 0) Deno.exitCode = code;
  }
} finally {
  rmSync(copy, { recursive: true });
}
