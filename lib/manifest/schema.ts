/** How a manifest is written. */
export type ManifestFormat = "toml" | "json";

/** What a value of a manifest has to be. */
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
  /** The keys; others are refused. */
  readonly fields: readonly Field[];
}

/** One key of a table, and all that the documentation says about it. */
export interface Field {
  /** The key. */
  readonly name: string;
  /** What its value has to be. */
  readonly schema: Schema;
  /** One or two sentences for people. */
  readonly description: string;
  /** A value as it is written in TOML. */
  readonly example: string;
  /** What happens without it. */
  readonly fallback?: string;
  /** Whether the manifest is wrong without it. */
  readonly required?: boolean;
  /** The only format that has it; both when absent. */
  readonly only?: ManifestFormat;
}
