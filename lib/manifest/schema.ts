import type { JsonValue } from "../errors.ts";

/** How a manifest is written. */
export type ManifestFormat = "toml" | "json";

/** What a value of a manifest must be. */
export type Schema =
  | StringSchema
  | { readonly kind: "boolean" }
  | IntegerSchema
  | { readonly kind: "array"; readonly items: Schema }
  | {
    readonly kind: "map";
    readonly values: Schema;
    /** Says what is wrong with a key, if anything. */
    readonly checkKey?: (key: string) => string | undefined;
  }
  | ObjectSchema
  | { readonly kind: "either"; readonly options: readonly Schema[] }
  | { readonly kind: "any" };

/** A string, possibly of few words or of a certain form. */
export interface StringSchema {
  /** Tells it from the other kinds. */
  readonly kind: "string";
  /** The words allowed; any when absent. */
  readonly words?: readonly string[];
  /** Whether JSON manifests of other builders may hold words of their own. */
  readonly openInJson?: true;
  /** Says what is wrong with a value, if anything. */
  readonly check?: (value: string) => string | undefined;
}

/** A whole number. */
export interface IntegerSchema {
  /** Tells it from the other kinds. */
  readonly kind: "integer";
  /** The smallest number allowed. */
  readonly min: number;
  /** The largest number allowed. */
  readonly max: number;
}

/** A table with known keys. */
export interface ObjectSchema {
  /** Tells it from the other kinds. */
  readonly kind: "object";
  /** The keys, in the order of the documentation. */
  readonly fields: Readonly<Record<string, Field>>;
}

/** One key of a table, and all that the documentation says about it. */
export interface Field {
  /** What its value must be. */
  readonly schema: Schema;
  /** One or two sentences for people. */
  readonly description: string;
  /** A value as it is written in TOML. */
  readonly example: string;
  /** What happens without it. */
  readonly fallback?: string;
  /** Whether the manifest is wrong without it. */
  readonly required?: true;
}

/** The type of what fits a schema: the table below is written once. */
export type ValueOf<S> = S extends { kind: "string" }
  ? S extends { openInJson: true } ? string
  : S extends { words: readonly (infer Word)[] } ? Word
  : string
  : S extends { kind: "boolean" } ? boolean
  : S extends { kind: "integer" } ? number
  : S extends { kind: "array"; items: infer Items } ? readonly ValueOf<Items>[]
  : S extends { kind: "map"; values: infer Values }
    ? Readonly<Record<string, ValueOf<Values>>>
  : S extends { kind: "object"; fields: infer Fields } ? TableOf<Fields>
  : S extends { kind: "either"; options: readonly (infer Option)[] }
    ? ValueOf<Option>
  : JsonValue;

type TableOf<Fields> =
  & {
    readonly [N in keyof Fields as IfRequired<Fields[N], N, never>]: FieldValue<
      Fields[N]
    >;
  }
  & {
    readonly [N in keyof Fields as IfRequired<Fields[N], never, N>]?:
      FieldValue<
        Fields[N]
      >;
  };
type IfRequired<F, Yes, No> = F extends { required: true } ? Yes : No;
type FieldValue<F> = F extends { schema: infer S } ? ValueOf<S> : never;
