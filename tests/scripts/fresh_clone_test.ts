import { assert, assertEquals } from "@std/assert";
import { fromFileUrl, join, relative, toFileUrl } from "@std/path";
import { cpSync, existsSync, readFileSync } from "node:fs";

import { buildPage } from "../../scripts/build_page.ts";
import { tempDir } from "../support/temp_dir.ts";

const ROOT = fromFileUrl(new URL("../../", import.meta.url));
const PAGE = "lib/web/page_assets.js";

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

/** Where JSR is, for a clone: a mirror in the checkout has to be in the clone's own. */
function jsrFor(root: string): Record<string, string> {
  const url = Deno.env.get("JSR_URL") ?? "";
  if (!url.startsWith(toFileUrl(ROOT).href)) return {};
  const mirror = fromFileUrl(url);
  const copy = join(root, relative(ROOT, mirror));
  cpSync(mirror, copy, { recursive: true });
  return { JSR_URL: `${toFileUrl(copy).href}/` };
}

Deno.test("a fresh clone works with plain deno, and builds the same page as any other", async () => {
  await using dir = await tempDir();
  const root = dir.at("a clone");
  clone(root);
  const env = { NO_COLOR: "1", ...jsrFor(root) };
  const deno = async (...args: string[]): Promise<string> => {
    const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
      args,
      cwd: root,
      env,
    }).output();
    const text = new TextDecoder();
    assertEquals([code, text.decode(stderr)], [0, ""], args.join(" "));
    return text.decode(stdout);
  };
  const said = await deno("run", "-A", "cli.ts", "--version");
  assert(said.startsWith("flavor "), said);
  // As an editor does.
  await deno("check", "--quiet", "lib/launchers/packaged_launchers.ts");
  assert(!existsSync(join(root, PAGE)));
  await deno("task", "--quiet", "page");
  await buildPage(dir.at("here.js"), "by hand");
  assert(
    readFileSync(join(root, PAGE), "utf8") ===
      readFileSync(dir.at("here.js"), "utf8"),
    "the page depends on where it is built",
  );
});
