import { assert, assertEquals } from "@std/assert";
import { fromFileUrl } from "@std/path";

import type { CommandSpec, FlagSpec } from "../../lib/cli/command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS } from "../../lib/cli/command_table.ts";
import { ERROR_CODES } from "../../lib/errors.ts";
import { checkDocument, PlanNotes } from "../../lib/manifest/check_document.ts";
import type { Field, Schema } from "../../lib/manifest/schema.ts";
import { MANIFEST_SCHEMA } from "../../lib/manifest/manifest_schema.ts";
import { generatePages } from "../../scripts/docs/generate_pages.ts";
import { replaceSections } from "../../scripts/docs/generated_sections.ts";
import { exampleValue } from "../../scripts/docs/manifest_json_schema.ts";

const ROOT = fromFileUrl(new URL("../..", import.meta.url));

function fieldsOf(schema: Schema): readonly (readonly [string, Field])[] {
  switch (schema.kind) {
    case "object":
      return Object.entries(schema.fields).flatMap((entry) => [
        entry,
        ...fieldsOf(entry[1].schema),
      ]);
    case "array":
      return fieldsOf(schema.items);
    case "either":
      return schema.options.flatMap(fieldsOf);
    default:
      return [];
  }
}

Deno.test("generated pages are up to date", async () => {
  const stale = (await generatePages(ROOT))
    .filter(({ actual, expected }) => actual !== expected)
    .map(({ path }) => path);
  assertEquals(stale, [], "run: scripts/dev docs");
});

Deno.test("MANIFEST_SCHEMA describes every key, with an example that it accepts", () => {
  for (const [name, field] of fieldsOf(MANIFEST_SCHEMA)) {
    const { description, example } = field;
    assert(/^[A-Z`].*\.$/.test(description), `${name}: ${description}`);
    const document = { [name]: exampleValue(example) };
    const notes = new PlanNotes();
    const schema = { kind: "object", fields: { [name]: field } } as const;
    assertEquals(checkDocument(document, schema, "toml", notes), document);
    assertEquals(notes.problems, [], name);
  }
});

Deno.test("COMMANDS describes every command and flag, with an example that uses it", () => {
  const flags: [string, FlagSpec][] = Object.entries(GLOBAL_FLAGS);
  for (const [name, spec] of Object.entries(COMMANDS)) {
    const { summary, examples, operands }: CommandSpec = spec;
    assert(/^[A-Z].*[^.]$/.test(summary), `${name}: ${summary}`);
    assert(examples.length > 0, `${name} has no example`);
    for (const { line, does } of examples) {
      assert(line.includes(`flavor ${name}`), line);
      assert(/^[A-Z].*[^.]$/.test(does), does);
    }
    for (const { help } of operands) assert(/^[A-Z].*[^.]$/.test(help), help);
    flags.push(...Object.entries(spec.flags));
  }
  for (const [name, { help, kind, value }] of flags) {
    assert(/^[A-Z].*[^.]$/.test(help), `--${name}: ${help}`);
    assert(kind === "switch" || value !== undefined, `--${name} has no value`);
  }
});

Deno.test("replaceSections keeps what people wrote around a section", () => {
  const page =
    "a\n<!-- generated: x -->\nold\n<!-- end of generated text -->\nb\n";
  assertEquals(
    replaceSections(page, { x: () => "new" }),
    "a\n<!-- generated: x -->\n\nnew\n\n<!-- end of generated text -->\nb\n",
  );
});

Deno.test("the exit codes in the pages are those of the error table", async () => {
  const read = (name: string): Promise<string> =>
    Deno.readTextFile(`${ROOT}/docs/${name}`);
  const rows = (text: string): ReadonlySet<number> =>
    new Set(
      [...text.matchAll(/^\| +(\d+) +\|/gm)].map(([, code]) => Number(code)),
    );
  const infos = Object.values(ERROR_CODES);
  assertEquals(
    rows((await read("cli.md")).split("<!-- generated")[0] ?? ""),
    new Set([0, ...infos.map(({ exit }) => exit)]),
  );
  // The page says of these that the launcher never uses them.
  const elsewhere: ReadonlySet<number> = new Set([108, 110]);
  const [, exits = ""] = (await read("how-a-package-starts.md"))
    .split("## Exit codes");
  assertEquals(
    rows(exits),
    new Set(infos.map(({ launcher }) => launcher)).difference(elsewhere),
  );
});
