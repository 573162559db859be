import { findNearestName } from "./nearest_name.ts";
import type {
  ManifestFormat,
  ObjectSchema,
  Schema,
  StringSchema,
} from "./schema.ts";

/** One thing that is wrong with a manifest. */
export interface ManifestProblem {
  /** Where, like `slots[2].operations`; empty for the whole document. */
  readonly path: string;
  /** What, as the end of a sentence that begins with the path. */
  readonly message: string;
}

/** Collects what a manifest does wrong, and what is only odd. */
export class PlanNotes {
  /** What is forgiven is worth a word only beside something that is not. */
  readonly #problems: (ManifestProblem & { readonly forgiven?: true })[] = [];
  readonly #ignored: string[] = [];
  readonly #words: string[] = [];

  /** What makes the manifest unusable. */
  get problems(): readonly ManifestProblem[] {
    const isUsable = this.#problems.every(({ forgiven }) => forgiven);
    return isUsable ? [] : this.#problems;
  }

  /** What is odd, but not wrong: at most one warning of each kind. */
  get warnings(): readonly string[] {
    return [
      ["keys without effect are ignored", this.#ignored] as const,
      ["words that flavor does not know are kept", this.#words] as const,
    ].filter(([, list]) => list.length > 0)
      .map(([says, list]) => `${says}: ${list.join(", ")}`);
  }

  problem(path: string, message: string): void {
    this.#problems.push({ path, message });
  }

  /** A key that the existing builders pass over. */
  ignore(path: string, meant: string | undefined): void {
    const guess = meant === undefined ? "" : ` (did you mean "${meant}"?)`;
    this.#ignored.push(`${path}${guess}`);
    if (meant === undefined) return;
    const message = unknownKey(meant, []);
    this.#problems.push({ path, message, forgiven: true });
  }

  /** A word that the existing builders keep as it is. */
  keepWord(path: string, word: string): void {
    this.#words.push(`${path} = ${JSON.stringify(word)}`);
  }

  /** Whether nothing in a section, or in one of its members, is wrong. */
  isSound(path: string): boolean {
    return !this.#problems.some((problem) =>
      problem.forgiven !== true &&
      (problem.path === path || problem.path === "" ||
        problem.path.startsWith(`${path}.`) ||
        problem.path.startsWith(`${path}[`))
    );
  }
}

/** Names a member of a document, with quotes where the key needs them. */
export function memberPath(parent: string, key: string): string {
  if (!/^[\w-]+$/.test(key)) return `${parent}[${JSON.stringify(key)}]`;
  return parent === "" ? key : `${parent}.${key}`;
}

/**
 * Compares a parsed document with the schema, and notes everything that is
 * wrong. The existing builders pass over keys and words that they do not know;
 * their JSON manifests pack all the same. Returns the document with nothing but
 * known keys that have a value; where something is wrong it means nothing.
 */
export function checkDocument(
  document: unknown,
  schema: ObjectSchema,
  format: ManifestFormat,
  notes: PlanNotes,
): unknown {
  return check(document, schema, "");

  function check(value: unknown, schema: Schema, path: string): unknown {
    if (schema.kind === "either") {
      const fitting = schema.options.find((it) => hasKind(value, it));
      if (fitting !== undefined) return check(value, fitting, path);
    }
    if (!hasKind(value, schema)) {
      const expected = nameKind(schema);
      notes.problem(path, `is ${describe(value)}, expected ${expected}`);
      return value;
    }
    switch (schema.kind) {
      case "object":
        return checkObject(value as object, schema, path);
      case "map":
        return Object.fromEntries(
          Object.entries(value as object).map(([key, member]) => {
            const at = memberPath(path, key);
            const problem = schema.checkKey?.(key);
            if (problem !== undefined) notes.problem(at, problem);
            return [key, check(member, schema.values, at)];
          }),
        );
      case "array":
        return (value as unknown[]).map((item, index) =>
          check(item, schema.items, `${path}[${index}]`)
        );
      case "string":
        checkString(value as string, schema, path);
        return value;
      case "integer": {
        const { min, max } = schema;
        const isInside = (value as number) >= min && (value as number) <= max;
        if (!isInside) {
          notes.problem(path, `is ${value}, expected ${min} to ${max}`);
        }
        return value;
      }
      default:
        return value;
    }
  }

  function checkObject(
    value: object,
    { fields }: ObjectSchema,
    path: string,
  ): object {
    const names = Object.keys(fields);
    const known: [string, unknown][] = [];
    for (const [key, member] of Object.entries(value)) {
      const field = Object.hasOwn(fields, key) ? fields[key] : undefined;
      const at = memberPath(path, key);
      if (field === undefined) {
        const meant = key === "encoding" && names.includes("operations")
          ? "operations"
          : findNearestName(key, names);
        if (format === "json") notes.ignore(at, meant);
        else notes.problem(at, unknownKey(meant, names));
      } // JSON manifests of the existing builders write null for "none".
      else if (member !== null || field.required === true) {
        known.push([key, check(member, field.schema, at)]);
      }
    }
    for (const [name, { required, example }] of Object.entries(fields)) {
      if (required !== true || Object.hasOwn(value, name)) continue;
      const at = memberPath(path, name);
      notes.problem(at, `is missing; for example ${name} = ${example}`);
    }
    return Object.fromEntries(known);
  }

  function checkString(
    value: string,
    { words, openInJson, check }: StringSchema,
    path: string,
  ): void {
    const problem = check?.(value);
    if (problem !== undefined) notes.problem(path, problem);
    if (words === undefined || words.includes(value)) return;
    if (openInJson === true && format === "json") {
      return notes.keepWord(path, value);
    }
    const nearest = findNearestName(value, words);
    const hint = nearest === undefined
      ? `expected ${words.map((word) => `"${word}"`).join(", ")}`
      : `did you mean "${nearest}"?`;
    notes.problem(path, `is ${JSON.stringify(value)}; ${hint}`);
  }
}

function unknownKey(
  meant: string | undefined,
  known: readonly string[],
): string {
  return meant === undefined
    ? `is not known; known are ${known.join(", ")}`
    : `is not known; did you mean "${meant}"?`;
}

function isTable(value: unknown): value is object {
  return typeof value === "object" && value !== null && !Array.isArray(value);
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

const KINDS = {
  object: "a table",
  map: "a table",
  array: "a list",
  integer: "a whole number",
  boolean: "true or false",
  string: "a string",
  any: "anything",
} as const;

function nameKind(schema: Schema): string {
  return schema.kind === "either"
    ? schema.options.map(nameKind).join(" or ")
    : KINDS[schema.kind];
}

function describe(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "a list";
  if (typeof value === "object") return "a table";
  if (typeof value === "string") return "a string";
  if (typeof value === "boolean") return `${value}`;
  return typeof value === "number" ? `the number ${value}` : typeof value;
}
