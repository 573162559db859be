import type { Field, ObjectSchema, Schema } from "../../lib/manifest/schema.ts";
import { MANIFEST_SCHEMA } from "../../lib/manifest/manifest_schema.ts";
import { markdownTable } from "./markdown_table.ts";

/**
 * Every key of a manifest, table by table, from the schema.
 *
 * @returns Markdown.
 */
export function manifestReference(): string {
  return tables("", MANIFEST_SCHEMA).join("\n\n");
}

/** A table of keys, and then the tables inside of it, depth first. */
function tables(path: string, { fields }: ObjectSchema): string[] {
  const title = path === "" ? "Top level" : `\`${path}\``;
  return [
    `### ${title}`,
    markdownTable(
      ["Key", "Type", "Default", "Meaning", "Example"],
      Object.entries(fields).map(([name, field]) => row(name, field)),
    ),
    ...Object.entries(fields).flatMap(([name, { schema }]) => {
      const inner = findTable(schema);
      if (inner === undefined) return [];
      const member = path === "" ? name : `${path}.${name}`;
      return tables(inner.list ? `${member}[]` : member, inner.table);
    }),
  ];
}

function row(
  name: string,
  { schema, description, example, fallback, required }: Field,
): readonly string[] {
  return [
    `\`${name}\``,
    typeName(schema),
    required === true ? "_required_" : fallback ?? "",
    description,
    `\`${example}\``,
  ];
}

interface Found {
  readonly table: ObjectSchema;
  readonly list: boolean;
}

function findTable(schema: Schema): Found | undefined {
  switch (schema.kind) {
    case "object":
      return { table: schema, list: false };
    case "array": {
      const inner = findTable(schema.items);
      return inner === undefined ? undefined : { ...inner, list: true };
    }
    case "either":
      return schema.options.map(findTable).find((found) => found !== undefined);
    default:
      return undefined;
  }
}

function typeName(schema: Schema): string {
  switch (schema.kind) {
    case "string":
      return schema.words === undefined
        ? "string"
        : schema.words.map((word) => `\`"${word}"\``).join(", ");
    case "integer":
      return `integer, ${schema.min} to ${schema.max}`;
    case "boolean":
      return "boolean";
    case "array":
      return schema.items.kind === "either"
        ? `list of ${typeName(schema.items)}`
        : `list of ${plural(schema.items)}`;
    case "map":
      return schema.values.kind === "any"
        ? "table"
        : `table of ${plural(schema.values)}`;
    case "object":
      return "table";
    case "either":
      return schema.options.map(typeName).join(" or ");
    case "any":
      return "anything";
  }
}

function plural(schema: Schema): string {
  return schema.kind === "object" ? "tables" : `${typeName(schema)}s`;
}
