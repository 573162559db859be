import { assertEquals, assertStringIncludes } from "@std/assert";

import { fileTreeText } from "../../lib/cli/file_tree_text.ts";
import { visibleText } from "../../lib/cli/text.ts";
import { cli } from "../support/captured_host.ts";
import { packProject } from "../support/cli_project.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";
import { tempDir } from "../support/temp_dir.ts";

Deno.test("inspect --tree shows the files in archives and the single ones", async () => {
  await using dir = await tempDir();
  await dir.write("app/bin/tool", "#!/bin/sh\n", 0o755);
  await dir.write("app/data", "0123456789");
  await Deno.symlink("data", dir.at("app/link"));
  await dir.write("one.txt", "single file");
  await dir.write(
    "flavor.toml",
    `package = { name = "demo", version = "1" }
execution = { command = "true" }
slots = [
  { id = "tree", source = "app", target = "lib" },
  { id = "one", source = "one.txt", target = "share/one.txt" },
]
`,
  );
  await packProject(dir, "a.psp");
  const options = { cwd: dir.path };
  const { out } = await cli(["inspect", "a.psp", "--tree"], options);
  assertStringIncludes(
    out,
    `
tree  2 files
lib/
  bin/
    tool  0755  10 B
  data  0644  10 B
  link  -> data

one  1 file
share/
  one.txt  0644  11 B
`,
  );
  const json = await cli(["inspect", "a.psp", "--tree", "--json"], options);
  const [tree, one] = JSON.parse(json.out).slots;
  assertEquals(tree.files.at(-1), {
    kind: "link",
    path: "lib/link",
    target: "data",
  });
  assertEquals(one.files, [
    { kind: "file", path: "share/one.txt", mode: 0o644, size: 11 },
  ]);
  const plain = await cli(["inspect", "a.psp", "--json"], options);
  assertEquals("files" in JSON.parse(plain.out).slots[0], false);
});

Deno.test("inspect and the tree show no control characters of a package", async () => {
  await using dir = await tempDir();
  await dir.write("x", "x");
  await dir.write(
    "flavor.toml",
    `package = { name = "demo", version = "1", description = "red \\u001b[31m" }
execution = { command = "true" }
slots = [{ id = "x", source = "x", target = "x" }]
`,
  );
  await packProject(dir, "a.psp");
  const { out } = await cli(["inspect", "a.psp"], { cwd: dir.path });
  assertEquals(out.includes("\x1b"), false);
  assertEquals(
    fileTreeText([{ kind: "link", path: "a\x1b[2J", target: "b\nc" }]),
    "a\\x1b[2J  -> b\\x0ac",
  );
  assertEquals(visibleText("a\u202eb\n", true), "a\\u202eb\n");
});

Deno.test("ids of slots neither change a terminal nor begin a line of their own", async () => {
  await using dir = await tempDir();
  const id = "a\x1b[31m\x9b1m\nhint: run evil";
  const stored = new TextEncoder().encode("hello");
  const slots = [{ id, target: "b", stored }];
  await Deno.writeFile(dir.at("a.psp"), await makeSealedPackage({ slots }));
  for (
    const args of [
      ["inspect", "a.psp", "--tree"],
      ["inspect", "a.psp", "--json"],
      ["verify", "a.psp"],
      ["diff", "a.psp", "a.psp"],
      ["extract", "a.psp", "0", "out", "--log-level", "debug"],
      ["extract", "a.psp", "0", "other", "--file", "b"],
      ["extract", "a.psp", "7", "none"],
      ["extract-all", "a.psp", "all", "--log-level", "debug"],
    ]
  ) {
    const { out, err } = await cli(args, { cwd: dir.path });
    // deno-lint-ignore no-control-regex
    assertEquals(
      /[\x1b\x9b]|^hint: run/m.exec(out + err),
      null,
      args.join(" "),
    );
  }
});
