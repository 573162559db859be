import { decodeBase64, encodeBase64 } from "@std/encoding/base64";
import { type JsonValue, PspfError } from "../errors.ts";
import type { JsonObject, StringMap } from "./metadata.ts";
import { isWrittenWhole } from "./strict_json.ts";

/** A value of which absent parts are simply not written. */
export type Draft =
  | JsonValue
  | undefined
  | readonly Draft[]
  | { readonly [key: string]: Draft };

/** How a value stands in a JSON document, in both directions. */
export interface Codec<T> {
  read(field: Field): T;
  write(value: T): Draft;
}

/**
 * A place in a document that knows its path, so that every complaint can name
 * it. `null` counts as absent.
 */
export class Field {
  /** The value, `undefined` when it is absent. */
  readonly value: JsonValue | undefined;
  /** The place that it is a member of. */
  readonly parent: Field | undefined;
  /** Its key or index there. */
  readonly key: string;

  constructor(value: JsonValue | undefined, parent?: Field, key = "") {
    this.value = value ?? undefined;
    this.parent = parent;
    this.key = key;
  }

  /** A member of an object, or of nothing at all. */
  at(key: string): Field {
    const object = this.value === undefined ? {} : this.object();
    const value = Object.hasOwn(object, key) ? object[key] : undefined;
    return new Field(value, this, key);
  }

  /** The members of a list. */
  items(): readonly Field[] {
    const { value } = this;
    if (!isArray(value)) throw this.error("a list");
    return value.map((item, index) => new Field(item, this, String(index)));
  }

  /** The value, which must be an object. */
  object(): JsonObject {
    if (!isObject(this.value)) throw this.error("an object");
    return this.value;
  }

  /** The error for a value that is missing or of the wrong kind. */
  error(expected: string): PspfError {
    const found = this.value === undefined
      ? "nothing"
      : JSON.stringify(this.value);
    const actual = found.length > 60 ? `${found.slice(0, 57)}...` : found;
    const path = this.#path();
    return new PspfError(
      "format/bad-metadata",
      `Cannot read the metadata: ${
        path === "" ? "the document" : path
      } is ${actual}, expected ${expected}`,
      { context: { path, expected, actual } },
    );
  }

  #path(): string {
    const { parent, key } = this;
    if (parent === undefined) return "";
    const above = parent.#path();
    if (isArray(parent.value)) return `${above}[${key}]`;
    return above === "" ? key : `${above}.${key}`;
  }
}

function isArray(
  value: JsonValue | undefined,
): value is readonly JsonValue[] {
  return Array.isArray(value);
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !isArray(value);
}

/** Any JSON. */
export const anything: Codec<JsonValue | undefined> = {
  read: (field) => field.value,
  write: (value) => value,
};

/** An object that is kept as it is. */
export const object: Codec<JsonObject> = {
  read: (field) => field.object(),
  write: (value) => value,
};

/** A text. */
export const text: Codec<string> = {
  read(field): string {
    if (typeof field.value !== "string") throw field.error("a string");
    return field.value;
  },
  write: (value) => value,
};

/** A truth value. */
export const truth: Codec<boolean> = {
  read(field): boolean {
    if (typeof field.value !== "boolean") throw field.error("true or false");
    return field.value;
  },
  write: (value) => value,
};

/** A whole number from 0 that a double can hold. */
export const whole: Codec<number> = {
  read(field): number {
    const { value, parent, key } = field;
    const holder = parent?.value;
    const isWhole = typeof value === "number" && Number.isSafeInteger(value) &&
      value >= 0 &&
      !(typeof holder === "object" && holder !== null &&
        !isWrittenWhole(holder, key));
    if (!isWhole) throw field.error("a whole number from 0");
    return value;
  },
  write: (value) => value,
};

/** Texts by name, sorted when they are written. */
export const textMap: Codec<StringMap> = {
  read(field): StringMap {
    const { value } = field;
    const isMap = isObject(value) &&
      Object.values(value).every((item) => typeof item === "string");
    if (!isMap) throw field.error("an object of strings");
    return value as StringMap;
  },
  write(value): Draft {
    const names = Object.keys(value).sort();
    return Object.fromEntries(names.map((name) => [name, value[name]]));
  },
};

/** Bytes in base64. */
export const base64: Codec<Uint8Array> = {
  read(field): Uint8Array {
    const stored = text.read(field);
    try {
      const bytes = decodeBase64(stored);
      // Other spellings of the same bytes are refused: readers differ there.
      if (encodeBase64(bytes) === stored) return bytes;
    } catch {
      // It is not base64 at all.
    }
    throw field.error("base64");
  },
  write: (value) => encodeBase64(value),
};

/** A list of one kind. */
export function list<T>(item: Codec<T>): Codec<readonly T[]> {
  return {
    read: (field) => field.items().map((one) => item.read(one)),
    write: (value) => value.map((one) => item.write(one)),
  };
}

/** A list of texts. */
export const texts: Codec<readonly string[]> = list(text);

/** A value that need not be there. */
export function maybe<T>(codec: Codec<T>): Codec<T | undefined> {
  return {
    read: (field) => field.value === undefined ? undefined : codec.read(field),
    write: (value) => value === undefined ? undefined : codec.write(value),
  };
}

/** A value with a default, which is written like any other. */
export function or<T>(codec: Codec<T>, fallback: T): Codec<T> {
  return {
    read: (field) => field.value === undefined ? fallback : codec.read(field),
    write: (value) => codec.write(value),
  };
}

/** The members of a record: JSON key and codec, in the order of writing. */
type Members<T> = {
  readonly [Name in keyof T]-?: readonly [key: string, codec: Codec<T[Name]>];
};

/** An object of known members; others are passed over. */
export function record<T extends object>(members: Members<T>): Codec<T> {
  const entries = Object.entries(members) as [
    string,
    readonly [string, Codec<unknown>],
  ][];
  return {
    read(field): T {
      if (field.value === undefined) throw field.error("an object");
      return section(entries, field) as T;
    },
    write(value): Draft {
      return Object.fromEntries(
        entries.map(([name, [key, codec]]) => [
          key,
          codec.write((value as Record<string, unknown>)[name]),
        ]),
      );
    },
  };
}

/** A record that may be left out where all of its members may. */
export function optionalRecord<T extends object>(
  members: Members<T>,
): Codec<T> {
  const codec = record(members);
  return {
    read: (field) =>
      codec.read(
        field.value === undefined
          ? new Field({}, field.parent, field.key)
          : field,
      ),
    write: codec.write,
  };
}

function section(
  entries: readonly [string, readonly [string, Codec<unknown>]][],
  field: Field,
): Record<string, unknown> {
  const found: [string, unknown][] = [];
  for (const [name, [key, codec]] of entries) {
    const value = codec.read(field.at(key));
    if (value !== undefined) found.push([name, value]);
  }
  return Object.fromEntries(found);
}
