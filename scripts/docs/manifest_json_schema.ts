import { parse as parseToml } from "@std/toml/parse";

import type { Field, ObjectSchema, Schema } from "../../lib/manifest/schema.ts";
import { MANIFEST_SCHEMA } from "../../lib/manifest/manifest_schema.ts";

type JsonSchema = Readonly<Record<string, unknown>>;

/**
 * The manifest's schema as editors read it, in JSON Schema 2020-12.
 *
 * @returns The document, ending with a line feed.
 */
export function manifestJsonSchema(): string {
  const schema = {
    $schema: "https://json-schema.org/draft/2020-12/schema",
    title: "flavor manifest",
    description:
      "What flavor packs: flavor.toml, or the same keys in flavor.json.",
    ...tableSchema(MANIFEST_SCHEMA),
  };
  return `${JSON.stringify(schema, null, 2)}\n`;
}

function tableSchema({ fields }: ObjectSchema): JsonSchema {
  const required = Object.keys(fields)
    .filter((name) => fields[name]?.required === true);
  return {
    type: "object",
    properties: Object.fromEntries(
      Object.entries(fields).map(([name, field]) => [name, fieldSchema(field)]),
    ),
    ...(required.length === 0 ? {} : { required }),
    additionalProperties: false,
  };
}

function fieldSchema(field: Field): JsonSchema {
  const { description, fallback, example } = field;
  const suffix = fallback === undefined ? "" : ` Default: ${fallback}.`;
  return {
    description: `${description}${suffix}`,
    ...valueSchema(field.schema),
    examples: [exampleValue(example)],
  };
}

/**
 * The value that an example in TOML stands for.
 *
 * @param example A value as it is written in TOML.
 * @returns The value.
 */
export function exampleValue(example: string): unknown {
  return parseToml(`value = ${example}`)["value"];
}

function valueSchema(schema: Schema): JsonSchema {
  switch (schema.kind) {
    case "string":
      return schema.words === undefined
        ? { type: "string" }
        : { type: "string", enum: schema.words };
    case "integer":
      return { type: "integer", minimum: schema.min, maximum: schema.max };
    case "boolean":
      return { type: "boolean" };
    case "array":
      return { type: "array", items: valueSchema(schema.items) };
    case "map":
      return {
        type: "object",
        additionalProperties: schema.values.kind === "any"
          ? true
          : valueSchema(schema.values),
      };
    case "object":
      return tableSchema(schema);
    case "either":
      return { anyOf: schema.options.map(valueSchema) };
    case "any":
      return {};
  }
}
