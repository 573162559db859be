import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";
import { cpSync, existsSync, readFileSync } from "node:fs";

import { tempDir } from "../support/temp_dir.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));

/** Copies what a clone has: all but what is made in a checkout. */
function clone(destination: string): void {
  const ignored = readFileSync(join(ROOT, ".gitignore"), "utf8").split("\n")
    .filter((line) => line !== "" && !line.startsWith("#"));
  assert(
    ignored.every((line) => line.startsWith("/")),
    "a pattern, not a path",
  );
  const left = new Set(
    ["/.git", ...ignored].map((path) => join(ROOT, path).replace(/\/$/, "")),
  );
  cpSync(ROOT, destination, {
    recursive: true,
    filter: (path) => !left.has(path.replace(/\/$/, "")),
  });
}

Deno.test("a fresh clone works with plain deno, and has no page until one is built", async () => {
  await using dir = await tempDir();
  const root = dir.at("clone");
  clone(root);
  const deno = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: root,
      env: { NO_COLOR: "1" },
    }).output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr)], [0, ""], args.join(" "));
    return text.decode(stdout);
  };
  assertEquals(
    await deno("run", "-A", "cli.ts", "--version"),
    await deno("run", "-A", join(ROOT, "cli.ts"), "--version"),
  );
  // As an editor does.
  await deno("check", "--quiet", "lib/launchers/packaged_launchers.ts");
  assert(!existsSync(join(root, "lib/web/page_assets.js")));
  await deno("task", "--quiet", "page");
  assert(existsSync(join(root, "lib/web/page_assets.js")));
});
