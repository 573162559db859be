/** One flag of a command. */
export interface FlagSpec {
  /** A switch has no value; a list may be given several times. */
  readonly kind: "switch" | "text" | "number" | "list";
  /** One letter. */
  readonly short?: string;
  /** What the value is, for `--help`: `FILE`, `DIR`. */
  readonly value?: string;
  /** One sentence without a period. */
  readonly help: string;
  /** Value when neither the flag nor its variable is given. */
  readonly default?: string | boolean;
  /** Environment variable that stands in for the flag. */
  readonly env?: string;
  /** The only values accepted. */
  readonly choices?: readonly string[];
  /** Smallest value of a number. */
  readonly least?: number;
}

/** One operand of a command. */
export interface OperandSpec {
  /** Its name in the program. */
  readonly name: string;
  /** Its name in `--help`. */
  readonly value: string;
  /** One sentence without a period. */
  readonly help: string;
  /** Whether it may be left out. */
  readonly optional?: true;
  /** The only words accepted. */
  readonly choices?: readonly string[];
}

/** A line that shows a command at work. */
export interface ExampleSpec {
  /** The command line. */
  readonly line: string;
  /** What it does. */
  readonly does: string;
}

/** One command. */
export interface CommandSpec {
  /** One sentence without a period. */
  readonly summary: string;
  /** More, in paragraphs. */
  readonly description?: readonly string[];
  /** Operands, in order. */
  readonly operands: readonly OperandSpec[];
  /** Its own flags. */
  readonly flags: Readonly<Record<string, FlagSpec>>;
  /** What follows `--`, where the command takes it. */
  readonly rest?: string;
  /** Examples. */
  readonly examples: readonly ExampleSpec[];
}

/** The value that a flag has after parsing. */
export type FlagValue<F extends FlagSpec> = F extends { kind: "switch" }
  ? boolean
  : F extends { kind: "list" } ? readonly string[]
  : F extends { kind: "number" } ? number | undefined
  : F extends { choices: readonly (infer C)[] }
    ? (F extends { default: string } ? C : C | undefined)
  : F extends { default: string } ? string
  : string | undefined;

/** The values of several flags after parsing. */
export type FlagValues<S extends Readonly<Record<string, FlagSpec>>> = {
  readonly [N in keyof S]: FlagValue<S[N]>;
};

/** The operands after parsing. */
export type OperandValues<S extends readonly OperandSpec[]> = {
  readonly [O in S[number] as O["name"]]: O extends { optional: true }
    ? string | undefined
    : O extends { choices: readonly (infer C)[] } ? C
    : string;
};
