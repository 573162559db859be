import { assertEquals } from "@std/assert";

import { parseIgnore } from "../../lib/project/ignore.ts";
import { run } from "../e2e/support/processes.ts";
import { tempDir } from "../support/temp_dir.ts";

const RULES = `# a comment
*.log
!keep.log
/build/
docs/*.md
**/cache
a/**/z
\\#odd
trailing\\ 
temp/
!temp/inner
`;

const PATHS = [
  "a.log",
  "keep.log",
  "sub/b.log",
  "sub/keep.log",
  "build/x",
  "sub/build/x",
  "docs/a.md",
  "docs/sub/b.md",
  "cache/x",
  "deep/er/cache/x",
  "a/z",
  "a/b/c/z",
  "#odd",
  "trailing ",
  "temp/inner",
  "sub/temp/x",
  "plain",
];

Deno.test("parseIgnore() leaves out what git leaves out", async () => {
  await using dir = await tempDir();
  await dir.write(".gitignore", RULES);
  for (const path of PATHS) await dir.write(path, "");
  await run("git", ["init", "-q"], { cwd: dir.path });
  const { stdout } = await run(
    "git",
    [
      "-c",
      "core.quotePath=false",
      "ls-files",
      "-o",
      "--exclude-standard",
      "-z",
    ],
    { cwd: dir.path },
  );
  const taken = stdout.split("\0").filter((path) =>
    path !== "" && path !== ".gitignore"
  );
  const ignores = parseIgnore(RULES);
  assertEquals(
    PATHS.filter((path) => !ignores(path, false)).sort(),
    taken.sort(),
  );
});
