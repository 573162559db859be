import { PspfError } from "../errors.ts";
import type { JsonValue } from "../errors.ts";
import type { JsonObject, StringMap } from "./metadata.ts";
import { isWrittenWhole } from "./strict_json.ts";

/**
 * Typed access to the fields of a JSON object that knows its own place in the
 * document, so that every complaint can name it. `null` counts as absent.
 */
export class JsonFields {
  readonly #object: JsonObject;
  readonly #path: string;

  /**
   * @param value What should be an object.
   * @param path Where it stands in the document; empty for the root.
   * @throws {PspfError} `format/bad-metadata` when it is something else.
   */
  constructor(value: JsonValue, path: string) {
    if (!isObject(value)) {
      throw wrongType(path === "" ? "the document" : path, "an object", value);
    }
    this.#object = value;
    this.#path = path;
  }

  /** The value of a key, or `undefined` when it is absent or `null`. */
  value(key: string): JsonValue | undefined {
    if (!Object.hasOwn(this.#object, key)) return undefined;
    return this.#object[key] ?? undefined;
  }

  /** Every field, as it is. */
  all(): JsonObject {
    return this.#object;
  }

  /** A text; required unless there is a fallback. */
  string(key: string, fallback?: string): string {
    const value = this.value(key) ?? fallback;
    if (typeof value !== "string") throw this.error(key, "a string");
    return value;
  }

  /** A whole number from 0 that a double can hold. */
  integer(key: string, fallback: number): number {
    const value = this.value(key) ?? fallback;
    if (
      typeof value !== "number" || !Number.isSafeInteger(value) || value < 0 ||
      !isWrittenWhole(this.#object, key)
    ) {
      throw this.error(key, "a whole number from 0");
    }
    return value;
  }

  /** A truth value. */
  boolean(key: string, fallback: boolean): boolean {
    const value = this.value(key) ?? fallback;
    if (typeof value !== "boolean") throw this.error(key, "true or false");
    return value;
  }

  /** A list of texts, if there is one. */
  strings(key: string): readonly string[] | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    if (!isArray(value) || !value.every((item) => typeof item === "string")) {
      throw this.error(key, "a list of strings");
    }
    return value as readonly string[];
  }

  /** Texts by name, if there are any. */
  stringMap(key: string): StringMap | undefined {
    const value = this.value(key);
    if (value === undefined) return undefined;
    const isMap = isObject(value) &&
      Object.values(value).every((item) => typeof item === "string");
    if (!isMap) throw this.error(key, "an object of strings");
    return value as StringMap;
  }

  /** A list of anything; empty when absent. */
  values(key: string): readonly JsonValue[] {
    const value = this.value(key) ?? [];
    if (!isArray(value)) throw this.error(key, "a list");
    return value;
  }

  /** A list of objects; empty when absent. */
  list(key: string): readonly JsonFields[] {
    return this.values(key).map((item, index) =>
      new JsonFields(item, `${this.#pathOf(key)}[${index}]`)
    );
  }

  /** An object that has to be there. */
  required(key: string): JsonFields {
    const value = this.value(key);
    if (value === undefined) throw this.error(key, "an object");
    return new JsonFields(value, this.#pathOf(key));
  }

  /** An object; empty when absent. */
  section(key: string): JsonFields {
    return new JsonFields(this.value(key) ?? {}, this.#pathOf(key));
  }

  /** A property to spread: the parsed object, or nothing when absent. */
  maybe<const Name extends string, Value>(
    name: Name,
    key: string,
    parse: (fields: JsonFields) => Value,
  ): { readonly [Key in Name]?: Value } {
    const value = this.value(key);
    if (value === undefined) return {};
    const parsed = parse(new JsonFields(value, this.#pathOf(key)));
    return { [name]: parsed } as { readonly [Key in Name]?: Value };
  }

  /** A property to spread: the text, or nothing when absent. */
  maybeString<const Name extends string>(
    name: Name,
    key: string,
  ): { readonly [Key in Name]?: string } {
    if (this.value(key) === undefined) return {};
    return { [name]: this.string(key) } as { readonly [Key in Name]?: string };
  }

  /** The error for a field that is missing or of the wrong kind. */
  error(key: string, expected: string): PspfError {
    return wrongType(this.#pathOf(key), expected, this.value(key));
  }

  #pathOf(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }
}

function isArray(value: JsonValue): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}

function wrongType(
  path: string,
  expected: string,
  actual: JsonValue | undefined,
): PspfError {
  const found = actual === undefined ? "nothing" : JSON.stringify(actual);
  const shown = found.length > 60 ? `${found.slice(0, 57)}...` : found;
  return new PspfError(
    "format/bad-metadata",
    `Cannot read the metadata: ${path} is ${shown}, expected ${expected}`,
    { context: { path, expected, actual: shown } },
  );
}
