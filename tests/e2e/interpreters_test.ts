import { assertEquals } from "@std/assert";
import { join } from "@std/path";

import { markdownBlocks } from "../../scripts/docs/markdown_blocks.ts";
import { flavor, run } from "./support/processes.ts";
import { type TempDir, tempDir } from "../support/temp_dir.ts";
import { ROOT } from "../docs/pages.ts";

/** The manifest of a package in docs/packing.md. */
async function shownManifest(name: string): Promise<string> {
  const page = await Deno.readTextFile(join(ROOT, "docs/packing.md"));
  const texts = markdownBlocks(page).map(({ lines }) => lines.join("\n"));
  return texts.find((text) => text.includes(`name = "${name}"`)) ?? "";
}

async function succeed(
  program: string,
  ...args: readonly string[]
): Promise<string> {
  const { code, stdout, stderr } = await run(program, args);
  assertEquals(code, 0, stderr);
  return stdout.trim();
}

/** Packs and starts what the manifest of the page wants. */
async function packAndStart(
  dir: TempDir,
  name: string,
  ...flags: readonly string[]
): Promise<string> {
  await dir.write("flavor.toml", await shownManifest(name));
  const packed = await flavor(["pack", "--quiet", ...flags], { cwd: dir.path });
  assertEquals(packed.code, 0, packed.stderr);
  const env = {
    FLAVOR_CACHE: dir.at("cache"),
    PYTHONHOME: "/nothing",
    PYTHONPATH: "/nothing",
  };
  const args = ["one", "two words"];
  const started = await run(dir.at(`dist/${name}.psp`), args, { env });
  assertEquals(started.code, 0, started.stderr);
  return started.stdout;
}

Deno.test("the Python manifest of docs/packing.md starts a Python that was moved, with its libraries", async () => {
  await using dir = await tempDir();
  const facts = await succeed(
    "python3",
    "-c",
    `import os, sys, sysconfig
print(os.path.realpath(sys.executable), sysconfig.get_path("stdlib"), sep="\\n")`,
  );
  const [executable = "", library = ""] = facts.split("\n");
  await dir.write("python/bin/.keep", "");
  await Deno.copyFile(executable, dir.at("python/bin/python3"));
  // Only what an interpreter needs to start, since the rest may be very large.
  await dir.write("python/lib/.keep", "");
  await succeed(
    "sh",
    "-c",
    `tar -C "$1/.." --exclude=site-packages --exclude=dist-packages \\
  --exclude=test --exclude='config-*' --exclude=__pycache__ -cf - "\${1##*/}" |
  tar -C "$2" -xf -`,
    "sh",
    library,
    dir.at("python/lib"),
  );
  await dir.write("libs/greet/__init__.py", "word = 'hello'\n");
  await dir.write(
    "app/main.py",
    "import sys, json, greet\n" +
      "print(greet.word, json.dumps(sys.argv[1:]), sys.prefix)\n",
  );
  // The machine's Python may need a library of the machine's.
  const said = await packAndStart(dir, "py-app", "--no-preflight");
  const [prefix, rest = ""] = said.split("] ");
  assertEquals(prefix, 'hello ["one", "two words"');
  assertEquals(rest.startsWith(dir.at("cache")), true, rest);
});

Deno.test("the Node.js manifest of docs/packing.md starts a program with its modules", async () => {
  await using dir = await tempDir();
  await dir.write("runtime/.keep", "");
  await Deno.copyFile(
    await succeed("node", "-p", "fs.realpathSync(process.execPath)"),
    dir.at("runtime/node"),
  );
  await dir.write(
    "app/node_modules/greet/index.js",
    "module.exports = 'hello';",
  );
  await dir.write(
    "app/main.mjs",
    "import word from 'greet';\n" +
      "console.log(word, JSON.stringify(process.argv.slice(2)), process.execPath);\n",
  );
  // The machine's Node.js may need libraries of the machine's.
  const said = await packAndStart(dir, "node-app", "--no-preflight");
  const [words = "", path = ""] = said.split("] ");
  assertEquals(words, 'hello ["one","two words"');
  assertEquals(path.startsWith(dir.at("cache")), true, path);
});
