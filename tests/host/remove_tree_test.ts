import { assertEquals } from "@std/assert";

import { removeTree } from "../../lib/host/remove_tree.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("removeTree() removes what forbids it and names that are not UTF-8, and follows no link", async () => {
  await using dir = await tempDir();
  await dir.write("outside/file", "kept");
  await dir.write("tree/locked/file", "x");
  await Deno.symlink(dir.at("outside"), dir.at("tree/link"));
  const { success } = await new Deno.Command("sh", {
    args: ["-c", `: > "$(printf 'na\\377me')"`],
    cwd: dir.at("tree"),
  }).output();
  assertEquals(success, true);
  await Deno.chmod(dir.at("tree/locked"), 0o555);
  removeTree(dir.at("tree"));
  assertEquals(
    (await Array.fromAsync(Deno.readDir(dir.path))).map(({ name }) => name),
    ["outside"],
  );
  assertEquals(await Deno.readTextFile(dir.at("outside/file")), "kept");
  removeTree(dir.at("tree"));
});

Deno.test("removeTree() removes a tree that is deeper than a path can be long", async () => {
  await using dir = await tempDir();
  await dir.write("tree/file", "x");
  const { success } = await new Deno.Command("python3", {
    args: [
      "-c",
      'import os\nfor _ in range(3000): os.mkdir("deep"); os.chdir("deep")',
    ],
    cwd: dir.at("tree"),
  }).output();
  assertEquals(success, true);
  removeTree(dir.at("tree"));
  assertEquals(await Array.fromAsync(Deno.readDir(dir.path)), []);
});
