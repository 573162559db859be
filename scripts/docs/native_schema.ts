import type { Field, Schema } from "../../lib/manifest/schema.ts";
import { MANIFEST_SCHEMA } from "../../lib/manifest/manifest_schema.ts";

/** The table of manifest keys as the native builder reads it: checks go by the names of their functions. */
export function nativeSchema(): string {
  return `${JSON.stringify(plain(MANIFEST_SCHEMA), undefined, 1)}\n`;
}

function plain(schema: Schema): unknown {
  switch (schema.kind) {
    case "object":
      return {
        kind: schema.kind,
        fields: Object.fromEntries(
          Object.entries(schema.fields).map(([name, field]) => [
            name,
            plainField(field),
          ]),
        ),
      };
    case "array":
      return { kind: schema.kind, items: plain(schema.items) };
    case "map":
      return {
        kind: schema.kind,
        values: plain(schema.values),
        checkKey: schema.checkKey?.name,
      };
    case "either":
      return { kind: schema.kind, options: schema.options.map(plain) };
    case "string":
      return { ...schema, check: schema.check?.name };
    default:
      return schema;
  }
}

function plainField({ schema, example, required }: Field): unknown {
  return { required, example, schema: plain(schema) };
}
