import { assertEquals } from "@std/assert";

import { createDenoHost } from "../../lib/host/deno_host.ts";
import type {
  FileTree,
  FileTreeEntry,
  UnsupportedTreeEntry,
} from "../../lib/io/file_tree.ts";
import { tempDir } from "../support/temp_dir.ts";
import { rejectsCode, throwsCode } from "../support/throws_code.ts";

const { reader } = createDenoHost();
const ON_UNIX = { ignore: Deno.build.os === "windows" };

async function list(
  tree: FileTree,
  descend?: (path: string) => boolean,
): Promise<(FileTreeEntry | UnsupportedTreeEntry)[]> {
  return (await Array.fromAsync(tree.entries(descend)))
    .sort((a, b) => a.path < b.path ? -1 : 1);
}

Deno.test("entries() lists links without following them", ON_UNIX, async () => {
  await using dir = await tempDir();
  await dir.write("a/file", "12345", 0o640);
  await Deno.chmod(dir.at("a"), 0o750);
  await Deno.symlink("../..", dir.at("a", "up"));
  const tree = await reader.openTree(dir.path);
  assertEquals(await list(tree), [
    { kind: "directory", path: "a", mode: 0o750 },
    { kind: "file", path: "a/file", mode: 0o640, size: 5 },
    { kind: "symlink", path: "a/up", target: "../.." },
  ]);
});

Deno.test("entries() does not enter what is pruned", async () => {
  await using dir = await tempDir();
  await dir.write("skip/deep/file", "x");
  await dir.write("keep/file", "x");
  const tree = await reader.openTree(dir.path);
  const paths = (await list(tree, (path) => path !== "skip"))
    .map(({ path }) => path);
  assertEquals(paths, ["keep", "keep/file", "skip"]);
});

/** The runtime cannot make such a name; the shell can. */
async function shell(directory: string, script: string): Promise<void> {
  const { code } = await new Deno.Command("sh", {
    args: ["-c", script],
    cwd: directory,
  }).output();
  assertEquals(code, 0);
}

Deno.test("entries() refuses a name that is not UTF-8", {
  ignore: Deno.build.os !== "linux",
}, async () => {
  await using dir = await tempDir();
  await shell(dir.path, `touch "$(printf 'a\\377b')"`);
  const tree = await reader.openTree(dir.path);
  const error = await rejectsCode(
    "archive/unsupported-entry",
    () => list(tree),
  );
  assertEquals(error.message.endsWith("its name is not UTF-8"), true);
  await shell(dir.path, "rm -rf -- *");
});

Deno.test("entries() accepts a name with a replacement character of its own", async () => {
  await using dir = await tempDir();
  await dir.write("a\u{FFFD}b", "x");
  const tree = await reader.openTree(dir.path);
  assertEquals((await list(tree)).map(({ path }) => path), ["a\u{FFFD}b"]);
});

Deno.test(
  "entries() lists a pipe as what cannot be packed",
  ON_UNIX,
  async () => {
    await using dir = await tempDir();
    await shell(dir.path, "mkfifo pipe");
    const tree = await reader.openTree(dir.path);
    assertEquals(await list(tree), [{ kind: "other", path: "pipe" }]);
  },
);

Deno.test("readFile() notices that a file has another size", async () => {
  await using dir = await tempDir();
  await dir.write("file", "12345");
  const tree = await reader.openTree(dir.path);
  throwsCode("build/source-changed", () => tree.readFile("file", 4));
});
