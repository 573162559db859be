import type { CommandSpec, FlagSpec } from "../command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS } from "../flag_table.ts";

/** What can stand at some place of a command line. */
export type CompletionValue =
  | { readonly kind: "file" | "directory" | "text"; readonly name: string }
  | {
    readonly kind: "words";
    readonly name: string;
    readonly words: readonly string[];
  };

/** One flag in all its spellings. */
export interface CompletionFlag {
  /** Such as `-m` and `--manifest`. */
  readonly names: readonly string[];
  /** What it does. */
  readonly help: string;
  /** What follows it; nothing follows a switch. */
  readonly value?: CompletionValue;
}

/** One command. */
export interface CompletionCommand {
  /** Its name, one word or two. */
  readonly name: string;
  /** What it does. */
  readonly summary: string;
  /** Its flags and those of every command. */
  readonly flags: readonly CompletionFlag[];
  /** Its operands, in order. */
  readonly operands: readonly CompletionValue[];
}

const FILE_VALUES: ReadonlySet<string> = new Set([
  "A",
  "B",
  "FILE",
  "KEY",
  "OUT",
  "PKG",
]);

/**
 * The flag table as shells have to know it.
 *
 * @returns Every command.
 */
export function completionCommands(): readonly CompletionCommand[] {
  return Object.entries<CommandSpec>(COMMANDS).map(([name, spec]) => ({
    name,
    summary: spec.summary,
    flags: [...flagsOf(spec.flags), ...globalFlags()],
    operands: spec.operands.map(({ value, choices }) =>
      valueOf(value, choices)
    ),
  }));
}

/**
 * The flags that every command takes, also before its name.
 *
 * @returns The flags.
 */
export function globalFlags(): readonly CompletionFlag[] {
  return flagsOf(GLOBAL_FLAGS);
}

/**
 * The first words of commands: commands, and groups of them.
 *
 * @returns Words with what they do, each once.
 */
export function firstWords(): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const { name, summary } of completionCommands()) {
    const [first = "", second] = name.split(" ");
    if (words.has(first)) continue;
    words.set(first, second === undefined ? summary : groupHelp(first));
  }
  return words.set("help", "Show help");
}

/**
 * The second words of a group.
 *
 * @param group The first word.
 * @returns Words with what they do; none for a plain command.
 */
export function secondWords(group: string): ReadonlyMap<string, string> {
  return new Map(
    completionCommands().flatMap(({ name, summary }) =>
      name.startsWith(`${group} `)
        ? [[name.slice(group.length + 1), summary] as const]
        : []
    ),
  );
}

function groupHelp(group: string): string {
  return `Commands: ${[...secondWords(group).keys()].join(", ")}`;
}

function flagsOf(
  flags: Readonly<Record<string, FlagSpec>>,
): readonly CompletionFlag[] {
  return Object.entries(flags).flatMap(([name, flag]) => {
    const names = [
      ...(flag.short === undefined ? [] : [`-${flag.short}`]),
      `--${name}`,
    ];
    if (flag.kind !== "switch") {
      const value = valueOf(flag.value ?? "TEXT", flag.choices);
      return [{ names, help: flag.help, value }];
    }
    const off = { names: [`--no-${name}`], help: `The opposite of --${name}` };
    return [
      { names, help: flag.help },
      ...(flag.default === true ? [off] : []),
    ];
  });
}

function valueOf(
  name: string,
  words: readonly string[] | undefined,
): CompletionValue {
  if (words !== undefined) return { kind: "words", name, words };
  if (name === "DIR") return { kind: "directory", name };
  return { kind: FILE_VALUES.has(name) ? "file" : "text", name };
}
