import type { FlagValues, OperandValues } from "./command_spec.ts";
import type { CommandName, COMMANDS, GLOBAL_FLAGS } from "./flag_table.ts";

/** What the global flags were set to. */
export type GlobalValues = FlagValues<typeof GLOBAL_FLAGS>;

/** One command with everything that was given to it. */
export type CommandOf<N extends CommandName> = {
  /** Its name. */
  readonly kind: N;
  /** Its own flags. */
  readonly flags: FlagValues<(typeof COMMANDS)[N]["flags"]>;
  /** Its operands. */
  readonly operands: OperandValues<(typeof COMMANDS)[N]["operands"]>;
  /** What followed `--`. */
  readonly rest: readonly string[];
};

/** A request for help, on everything, a group or a command. */
export interface HelpCommand {
  /** Always `help`. */
  readonly kind: "help";
  /** A command, the first word of several, or nothing. */
  readonly topic: string;
}

/** A request for the version. */
export interface VersionCommand {
  /** Always `version`. */
  readonly kind: "version";
}

/** What the arguments ask for. */
export type Command =
  | { readonly [N in CommandName]: CommandOf<N> }[CommandName]
  | HelpCommand
  | VersionCommand;

/** A command line after parsing. */
export interface CommandLine {
  /** The command. */
  readonly command: Command;
  /** The global flags. */
  readonly globals: GlobalValues;
}
