import { assert, assertEquals } from "@std/assert";
import { dirname, join, normalize } from "@std/path";

import type { CommandSpec } from "../../lib/cli/command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS } from "../../lib/cli/command_table.ts";
import { parseManifest } from "../../lib/manifest/mod.ts";
import { markdownBlocks } from "../../scripts/docs/markdown_blocks.ts";
import { readPages, ROOT } from "./pages.ts";

const PAGES = (await readPages()).map(({ path, text }) => ({
  path,
  text: withoutMistakes(text),
}));

/** Pages show what a misspelled command line is told, and promise exit code 2. */
function withoutMistakes(page: string): string {
  return page.replaceAll(/^.*# exit 2$/gm, "");
}

function knownFlags(): ReadonlySet<string> {
  const specs: readonly CommandSpec[] = Object.values(COMMANDS);
  const flags = [GLOBAL_FLAGS, ...specs.map(({ flags }) => flags)];
  return new Set(
    flags.flatMap((table) => Object.keys(table))
      .flatMap((name) => [`--${name}`, `--no-${name}`]),
  );
}

/** Flags in the pages that belong to other programs, or to the launcher. */
const FOREIGN_FLAGS: ReadonlySet<string> = new Set([
  "--cache", // the launcher's `verify`
  "--outputs", // scripts/dev docs
  "--manifset", // what troubleshooting.md misspells
  "--config", // applications in the examples
  "--port",
  "--name",
  "--verbose",
  "--allow-env", // Deno, in what `inspect` shows
  "--allow-read",
  "--no-config",
  "--no-prompt",
]);

/** What is left of a page without programs and manifests. */
function proseAndCommands(page: string): string {
  const lines = page.split("\n");
  const hidden = markdownBlocks(page).filter(({ language }) =>
    !["sh", "console", "text", "setup"].includes(language)
  );
  for (const { start, lines: { length } } of hidden) {
    lines.fill("", start, start + length);
  }
  return lines.join("\n");
}

Deno.test("pages mention no flag that does not exist", () => {
  const known = knownFlags();
  for (const { path, text } of PAGES) {
    // What follows a lone -- belongs to the application, Deno's flags to Deno, and a script's to the script.
    const words = proseAndCommands(text).replaceAll(/ -- .*$/gm, "")
      .replaceAll(/(?:^|`|\$ )(?:deno|scripts\/build_launcher) [^`\n]*/gm, "");
    for (const [flag] of words.matchAll(/(?<![\w-])--[a-z][a-z-]*[a-z]\b/g)) {
      assert(known.has(flag) || FOREIGN_FLAGS.has(flag), `${path}: ${flag}`);
    }
  }
});

Deno.test("pages mention no command that does not exist", () => {
  const words = new Set(
    Object.keys(COMMANDS).flatMap((name) => [name, name.split(" ")[0] ?? ""]),
  );
  for (const { path, text } of PAGES) {
    const scripts = markdownBlocks(text)
      .filter(({ language }) => ["sh", "console", "text"].includes(language))
      .flatMap(({ lines }) => lines);
    const code = [...scripts, ...text.match(/`flavor [^`]*`/g) ?? []];
    const calls = code.join("\n")
      .matchAll(/(?:^`?|\$ |&& )flavor (?<name>[a-z][a-z-]*)/gm);
    for (const { groups } of calls) {
      const name = groups?.["name"] ?? "";
      assert(words.has(name), `${path}: flavor ${name}`);
    }
  }
});

/** All variables of ours in sources of a folder. */
async function variablesIn(folder: string): Promise<ReadonlySet<string>> {
  const found = new Set<string>();
  for await (const entry of Deno.readDir(join(ROOT, folder))) {
    const path = `${folder}/${entry.name}`;
    if (entry.isDirectory && entry.name !== "target") {
      for (const name of await variablesIn(path)) found.add(name);
    } else if (/\.(?:ts|rs)$/.test(entry.name)) {
      const text = await Deno.readTextFile(join(ROOT, path));
      for (const [name] of text.matchAll(/(?<=")FLAVOR_[A-Z_]+(?=")/g)) {
        found.add(name);
      }
    }
  }
  return found;
}

/** Read by `scripts/dev` alone; CONTRIBUTING has them. */
const DEVELOPMENT = /^FLAVOR_(?:JSR|DEV_\w+)$/;

Deno.test("pages name every variable that the sources know, and no other", async () => {
  const sources = await Promise.all(
    ["lib", "native/crates/pspf-launcher/src"].map(variablesIn),
  );
  const known = new Set(sources.flatMap((names) => [...names]));
  const named = new Set<string>();
  for (const { path, text } of PAGES) {
    for (const [name] of text.matchAll(/FLAVOR_[A-Z]+(?:_[A-Z]+)*/g)) {
      assert(known.has(name) || DEVELOPMENT.test(name), `${path}: ${name}`);
      named.add(name);
    }
  }
  for (const name of known) {
    if (DEVELOPMENT.test(name)) continue;
    assert(named.has(name), `no page explains ${name}`);
  }
});

Deno.test("links of pages lead to files and headings that exist", async () => {
  for (const { path, text } of PAGES) {
    for (const { groups } of text.matchAll(/\]\((?<link>[^)\s]+)\)/g)) {
      const link = groups?.["link"] ?? "";
      if (/^https?:/.test(link)) continue;
      const [file = "", heading] = link.split("#");
      const target = file === "" ? path : normalize(join(dirname(path), file));
      const content = await readOrEmpty(target);
      assert(content !== undefined, `${path}: ${link}`);
      if (heading === undefined) continue;
      assert(headings(content).has(heading), `${path}: ${link}`);
    }
  }
});

async function readOrEmpty(path: string): Promise<string | undefined> {
  try {
    const full = join(ROOT, path);
    return (await Deno.stat(full)).isDirectory
      ? ""
      : await Deno.readTextFile(full);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** The anchors that Markdown viewers make of headings. */
function headings(text: string): ReadonlySet<string> {
  const anchors = [...text.matchAll(/^#+ (?<title>.*)$/gm)].map(({ groups }) =>
    (groups?.["title"] ?? "").toLowerCase().replaceAll(/[^\w\s-]/g, "")
      .trim().replaceAll(/\s/g, "-")
  );
  return new Set(anchors);
}

Deno.test("manifests in pages are valid", () => {
  let count = 0;
  for (const { path, text } of PAGES) {
    for (const { language, file, lines, start } of markdownBlocks(text)) {
      const isManifest = language === "toml" ||
        file?.endsWith("flavor.json") === true;
      if (!isManifest) continue;
      const format = language === "toml" ? "toml" : "json";
      const manifest = lines.join("\n");
      // A part of a manifest is shown without its head; TOML tables of one
      // manifest may come in any order.
      const head = format === "json"
        ? ""
        : HEAD.filter(({ table }) => !manifest.includes(table))
          .map(({ text }) => text).join("");
      const plan = parseManifest(`${manifest}\n${head}`, {
        format,
        name: `${path}:${start}`,
      });
      assertEquals(plan.warnings, [], `${path}:${start}`);
      count += 1;
    }
  }
  assert(count > 5);
});

const HEAD = [
  { table: "[package]", text: '[package]\nname = "part"\nversion = "1"\n' },
  { table: "[execution]", text: '[execution]\ncommand = "true"\n' },
  {
    table: "[[slots]]",
    text: '[[slots]]\nid = "part"\nsource = "part"\ntarget = "part"\n',
  },
] as const;

Deno.test("YAML in pages has no tabs and even indentation", () => {
  for (const { path, text } of PAGES) {
    for (const { language, lines, start } of markdownBlocks(text)) {
      if (language !== "yaml") continue;
      for (const [index, line] of lines.entries()) {
        const indent = /^ */.exec(line)?.[0].length ?? 0;
        const where = `${path}:${start + index + 1}`;
        assert(!line.includes("\t") && indent % 2 === 0, where);
      }
    }
  }
});
