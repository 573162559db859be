import { findNearestName } from "./nearest_name.ts";
import type { Field, ManifestFormat, ObjectSchema, Schema } from "./schema.ts";

/** One thing that is wrong with a manifest. */
export interface ManifestProblem {
  /** Where, like `slots[2].operations`; empty for the whole document. */
  readonly path: string;
  /** What, as the end of a sentence that begins with the path. */
  readonly message: string;
}

/**
 * Compares a parsed document with the schema.
 *
 * @param document What the parser gave.
 * @param schema What it has to be.
 * @param format How the document is written.
 * @returns Everything that is wrong, in document order.
 */
export function checkDocument(
  document: unknown,
  schema: ObjectSchema,
  format: ManifestFormat,
): readonly ManifestProblem[] {
  const problems: ManifestProblem[] = [];
  new DocumentChecker(format, problems).check(document, schema, "");
  return problems;
}

/**
 * Names a member of a document.
 *
 * @param parent Path of the table.
 * @param key Its key.
 * @returns `parent.key`, with quotes where the key needs them.
 */
export function memberPath(parent: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

class DocumentChecker {
  readonly #format: ManifestFormat;
  readonly #problems: ManifestProblem[];

  constructor(format: ManifestFormat, problems: ManifestProblem[]) {
    this.#format = format;
    this.#problems = problems;
  }

  check(value: unknown, schema: Schema, path: string): void {
    if (schema.kind === "either") {
      const fitting = schema.options.find((it) => hasKind(value, it));
      if (fitting !== undefined) return this.check(value, fitting, path);
      const kinds = schema.options.map(nameKind).join(" or ");
      return this.#report(path, `is ${describe(value)}, expected ${kinds}`);
    }
    if (!hasKind(value, schema)) {
      const expected = nameKind(schema);
      return this.#report(path, `is ${describe(value)}, expected ${expected}`);
    }
    switch (schema.kind) {
      case "object":
        return this.#checkObject(value as object, schema, path);
      case "map":
        for (const [key, member] of Object.entries(value as object)) {
          const at = memberPath(path, key);
          const problem = schema.checkKey?.(key);
          if (problem !== undefined) this.#report(at, problem);
          this.check(member, schema.values, at);
        }
        return;
      case "array":
        for (const [index, item] of (value as unknown[]).entries()) {
          this.check(item, schema.items, `${path}[${index}]`);
        }
        return;
      case "string":
        return this.#checkString(value as string, schema, path);
      case "integer": {
        const { min, max } = schema;
        const number = value as number;
        if (number < min || number > max) {
          this.#report(path, `is ${number}, expected ${min} to ${max}`);
        }
        return;
      }
      case "any":
        return this.#checkAny(value, path);
      case "boolean":
        return;
    }
  }

  #checkObject(value: object, schema: ObjectSchema, path: string): void {
    const fields = schema.fields.filter(({ only }) =>
      only === undefined || only === this.#format
    );
    const names = fields.map(({ name }) => name);
    for (const [key, member] of Object.entries(value)) {
      const field = fields.find(({ name }) => name === key);
      if (field === undefined) this.#reportUnknown(path, key, names);
      // JSON manifests of the existing builders write null for "none".
      else if (member !== null || field.required === true) {
        this.check(member, field.schema, memberPath(path, key));
      }
    }
    for (const field of fields) this.#checkPresence(value, field, path);
  }

  #checkPresence(value: object, field: Field, path: string): void {
    if (field.required !== true || Object.hasOwn(value, field.name)) return;
    this.#report(
      memberPath(path, field.name),
      `is missing; for example ${field.name} = ${field.example}`,
    );
  }

  #checkString(
    value: string,
    schema: Extract<Schema, { kind: "string" }>,
    path: string,
  ): void {
    const { words, check } = schema;
    if (words !== undefined && !words.includes(value)) {
      const nearest = findNearestName(value, words);
      const hint = nearest === undefined
        ? `expected ${words.map((word) => `"${word}"`).join(", ")}`
        : `did you mean "${nearest}"?`;
      return this.#report(path, `is ${JSON.stringify(value)}; ${hint}`);
    }
    const problem = check?.(value);
    if (problem !== undefined) this.#report(path, problem);
  }

  /** TOML knows dates and infinities, which JSON cannot hold. */
  #checkAny(value: unknown, path: string): void {
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        this.#checkAny(item, `${path}[${index}]`);
      }
    } else if (isTable(value)) {
      for (const [key, member] of Object.entries(value)) {
        this.#checkAny(member, memberPath(path, key));
      }
    } else if (value instanceof Date) {
      this.#report(path, "is a date, which JSON cannot hold; put it in quotes");
    } else if (typeof value === "number" && !Number.isFinite(value)) {
      this.#report(path, `is ${value}, which JSON cannot hold`);
    }
  }

  #reportUnknown(path: string, key: string, names: readonly string[]): void {
    const nearest = findNearestName(key, names);
    const hint = nearest === undefined
      ? `known are ${names.join(", ")}`
      : `did you mean "${nearest}"?`;
    this.#report(memberPath(path, key), `is not known; ${hint}`);
  }

  #report(path: string, message: string): void {
    this.#problems.push({ path, message });
  }
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null &&
    !Array.isArray(value) && !(value instanceof Date);
}

function hasKind(value: unknown, schema: Schema): boolean {
  switch (schema.kind) {
    case "object":
    case "map":
      return isTable(value);
    case "array":
      return Array.isArray(value);
    case "integer":
      return Number.isSafeInteger(value);
    case "either":
      return schema.options.some((option) => hasKind(value, option));
    case "any":
      return true;
    case "boolean":
      return typeof value === "boolean";
    case "string":
      return typeof value === "string";
  }
}

function nameKind(schema: Schema): string {
  switch (schema.kind) {
    case "object":
    case "map":
      return "a table";
    case "array":
      return "a list";
    case "integer":
      return "a whole number";
    case "boolean":
      return "true or false";
    default:
      return "a string";
  }
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (value instanceof Date) return "a date";
  if (typeof value === "object") return "a table";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return `${value}`;
  return typeof value === "number" ? `the number ${value}` : typeof value;
}
