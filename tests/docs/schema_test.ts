import { assert, assertEquals } from "@std/assert";
import { join } from "@std/path";
import { parse as parseToml } from "@std/toml/parse";

import { TEMPLATES } from "../../lib/cli/commands/init.ts";
import { markdownBlocks } from "../../scripts/docs/markdown_blocks.ts";
import schemaDocument from "../../docs/flavor.schema.json" with {
  type: "json",
};
import { readPages, ROOT } from "./pages.ts";

/** The part of JSON Schema that the generator uses. */
interface JsonSchema {
  readonly type?: string;
  readonly enum?: readonly unknown[];
  readonly minimum?: number;
  readonly maximum?: number;
  readonly items?: JsonSchema;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | JsonSchema;
  readonly anyOf?: readonly JsonSchema[];
  readonly examples?: readonly unknown[];
}

const SCHEMA: JsonSchema = schemaDocument;

function typeOf(value: unknown): string {
  if (Array.isArray(value)) return "array";
  if (Number.isInteger(value)) return "integer";
  return value === null ? "null" : typeof value;
}

/** Where a value breaks the schema; an editor would underline it. */
function violations(value: unknown, schema: JsonSchema, path = ""): string[] {
  if (schema.anyOf !== undefined) {
    const tries = schema.anyOf.map((option) => violations(value, option, path));
    return tries.some((found) => found.length === 0) ? [] : tries.flat();
  }
  const wrong = (holds: boolean | undefined): string[] =>
    holds === false ? [path] : [];
  const number = typeof value === "number" ? value : 0;
  return [
    ...wrong(schema.type === undefined || typeOf(value) === schema.type),
    ...wrong(schema.enum?.includes(value)),
    ...wrong(schema.minimum === undefined || number >= schema.minimum),
    ...wrong(schema.maximum === undefined || number <= schema.maximum),
    ...(Array.isArray(value)
      ? value.flatMap((item, index) =>
        violations(item, schema.items ?? {}, `${path}[${index}]`)
      )
      : typeOf(value) === "object"
      ? memberViolations(Object(value), schema, path)
      : []),
  ];
}

function memberViolations(
  value: Readonly<Record<string, unknown>>,
  schema: JsonSchema,
  path: string,
): string[] {
  const { properties = {}, required = [], additionalProperties } = schema;
  const missing = required.filter((name) => !Object.hasOwn(value, name));
  return [
    ...missing.map((name) => `${path}.${name}`),
    ...Object.entries(value).flatMap(([name, member]) => {
      const at = `${path}.${name}`;
      const inner = properties[name] ?? additionalProperties;
      if (inner === false) return [at];
      return typeof inner === "object" ? violations(member, inner, at) : [];
    }),
  ];
}

/** Every schema inside of a schema, itself included. */
function allSchemas(schema: JsonSchema): readonly JsonSchema[] {
  const { properties = {}, items, additionalProperties, anyOf = [] } = schema;
  const inner = [
    ...Object.values(properties),
    ...anyOf,
    ...(items === undefined ? [] : [items]),
    ...(typeof additionalProperties === "object" ? [additionalProperties] : []),
  ];
  return [schema, ...inner.flatMap(allSchemas)];
}

Deno.test("flavor.schema.json accepts the manifests of the examples, the templates and the pages", async () => {
  const texts = Object.values(TEMPLATES).flatMap((files) =>
    files.filter(({ path }) => path === "flavor.toml").map(({ text }) => text)
  );
  for await (const { name } of Deno.readDir(join(ROOT, "examples"))) {
    const path = join(ROOT, "examples", name, "flavor.toml");
    // An example without one is a project that is packed as it is.
    const text = await Deno.readTextFile(path).catch(() => undefined);
    if (text !== undefined) texts.push(text);
  }
  for (const { text } of await readPages()) {
    for (const { language, file, lines } of markdownBlocks(text)) {
      const isManifest = language === "toml" && file !== undefined &&
        !file.endsWith("pyproject.toml");
      if (isManifest) {
        texts.push(lines.join("\n"));
      }
    }
  }
  assert(texts.length > 10);
  for (const text of texts) {
    assertEquals(violations(parseToml(text), SCHEMA), [], text);
  }
});

Deno.test("flavor.schema.json accepts its own examples", () => {
  const schemas = allSchemas(SCHEMA);
  assert(schemas.length > 50);
  for (const schema of schemas) {
    for (const example of schema.examples ?? []) {
      assertEquals(violations(example, schema), [], JSON.stringify(example));
    }
  }
});

Deno.test("flavor.schema.json refuses unknown keys, wrong types, wrong words and missing keys", () => {
  const manifest = {
    package: { name: "hello", version: "1" },
    execution: { command: "true" },
    slots: [{ id: "a", source: "a", target: "a" }],
  };
  assertEquals(violations(manifest, SCHEMA), []);
  const mistakes: readonly (readonly [change: object, path: string])[] = [
    [{ pakage: {} }, ".pakage"],
    [{ package: { name: "hello" } }, ".package.version"],
    [{ package: { name: 1, version: "1" } }, ".package.name"],
    [{ format: "PSPF/2024" }, ".format"],
    [{ build: { level: 23 } }, ".build.level"],
    [
      { slots: [{ id: "a", source: "a", target: "a", taget: "a" }] },
      ".slots[0].taget",
    ],
  ];
  for (const [change, path] of mistakes) {
    assertEquals(violations({ ...manifest, ...change }, SCHEMA), [path]);
  }
});
