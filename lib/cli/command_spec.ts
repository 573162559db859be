import type { Host } from "../host/types.ts";
import type { COMMANDS, GLOBAL_FLAGS } from "./command_table.ts";
import type { Output } from "./output.ts";

/** One flag of a command. */
export interface FlagSpec {
  /**
   * A switch has no value, an optional one only behind an equals sign; a list
   * may be given several times; a size and an age are texts such as `2G` and
   * `30d`, which commands get as bytes and milliseconds.
   */
  readonly kind:
    | "switch"
    | "optional"
    | "text"
    | "number"
    | "list"
    | "size"
    | "age";
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
  /** Largest value of a number. */
  readonly most?: number;
}

/** One operand of a command. */
export interface OperandSpec {
  /** Its name in the program. */
  readonly name: string;
  /** Its name in `--help`. */
  readonly value: string;
  /** One sentence without a period. */
  readonly help: string;
  /** Whether one or more may be given; only the last operand. */
  readonly many?: true;
  /** Whether it may be left out; only the last operand. */
  readonly optional?: true;
  /** The only words accepted. */
  readonly choices?: readonly string[];
}

/** A line that shows a command at work. */
export interface ExampleSpec {
  readonly line: string;
  readonly does: string;
}

/** One command: everything that parsing, help, completions and the reference know of it. */
export interface CommandSpec {
  /** One sentence without a period. */
  readonly summary: string;
  /** More, in paragraphs. */
  readonly description?: readonly string[];
  readonly operands: readonly OperandSpec[];
  readonly flags: Readonly<Record<string, FlagSpec>>;
  /** What follows the operands and belongs to the application, if a command takes it. */
  readonly rest?: string;
  /** Whether `-C` may name a directory that does not exist. */
  readonly anywhere?: true;
  readonly examples: readonly ExampleSpec[];
  /** Loads what does it: a {@linkcode RunCommand}, which `run_cli.ts` checks. */
  readonly load: () => Promise<unknown>;
}

type FlagValue<F extends FlagSpec> = F extends { kind: "switch" } ? boolean
  : F extends { kind: "list"; choices: readonly (infer C)[] } ? readonly C[]
  : F extends { kind: "list" } ? readonly string[]
  : F extends { kind: "number" | "size" | "age" }
    ? (F extends { default: string } ? number : number | undefined)
  : F extends { choices: readonly (infer C)[] }
    ? (F extends { default: string } ? C : C | undefined)
  : F extends { default: string } ? string
  : string | undefined;

/** The values of several flags after parsing. */
export type FlagValues<S extends Readonly<Record<string, FlagSpec>>> = {
  readonly [N in keyof S]: FlagValue<S[N]>;
};

type OperandValues<S extends readonly OperandSpec[]> = {
  readonly [O in S[number] as O["name"]]: O extends { many: true }
    ? readonly string[]
    : O extends { optional: true } ? string | undefined
    : O extends { choices: readonly (infer C)[] } ? C
    : string;
};

/** The name of a command. */
export type CommandName = keyof typeof COMMANDS;
/** What the global flags were set to. */
export type GlobalValues = FlagValues<typeof GLOBAL_FLAGS>;

/** One command with everything that was given to it. */
export type CommandOf<N extends CommandName> = {
  readonly kind: N;
  readonly flags: FlagValues<(typeof COMMANDS)[N]["flags"]>;
  readonly operands: OperandValues<(typeof COMMANDS)[N]["operands"]>;
  /** What belongs to the application. */
  readonly rest: readonly string[];
};

/** What the arguments ask for. */
export type Command =
  | { readonly [N in CommandName]: CommandOf<N> }[CommandName]
  | {
    readonly kind: "help";
    /** A command, the first word of several, or nothing. */
    readonly topic: string;
  }
  | { readonly kind: "version" };

/** A command line after parsing. */
export interface CommandLine {
  readonly command: Command;
  readonly globals: GlobalValues;
}

/** What every command works with. */
export interface CommandContext {
  /** The machine. */
  readonly host: Host;
  /** Where results and notes go. */
  readonly output: Output;
}

/** Does what a command says; gives an exit code, or nothing for success. */
export type RunCommand<N extends CommandName> = (
  command: CommandOf<N>,
  context: CommandContext,
) => Promise<number | void>;
