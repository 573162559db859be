import type { CommandSpec, FlagSpec } from "../command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS, GROUPS } from "../command_table.ts";

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
  readonly help: string;
  /** What follows it; nothing follows a switch. */
  readonly value?: CompletionValue;
  /** Whether it may be given several times. */
  readonly isList: boolean;
}

/** One command. */
export interface CompletionCommand {
  /** Its name, one word or two. */
  readonly name: string;
  readonly summary: string;
  /** Its flags and those of every command. */
  readonly flags: readonly CompletionFlag[];
  /** Its operands, in order. */
  readonly operands: readonly CompletionValue[];
  /** What any number of further operands are. */
  readonly more: CompletionValue | undefined;
  /** Whether these belong to somebody else, and no flag stands among them. */
  readonly hasRest: boolean;
}

const FILE_VALUES: ReadonlySet<string> = new Set([
  "A",
  "B",
  "FILE",
  "KEY",
  "NAME",
  "OUT",
  "PKG",
]);

/** The flag table as shells have to know it. */
export function completionCommands(): readonly CompletionCommand[] {
  return Object.entries<CommandSpec>(COMMANDS).map(([name, spec]) => {
    const { summary, rest } = spec;
    const operands = spec.operands.map(({ value, choices }) =>
      valueOf(value, choices)
    );
    const more = rest === undefined
      ? spec.operands.at(-1)?.many && operands.at(-1)
      : { kind: "file" as const, name: rest };
    return {
      name,
      summary,
      flags: [...flagsOf(spec.flags), ...globalFlags()],
      operands,
      more: more || undefined,
      hasRest: rest !== undefined,
    };
  });
}

/** The flags that every command takes, also before its name. */
export function globalFlags(): readonly CompletionFlag[] {
  return flagsOf(GLOBAL_FLAGS);
}

/** A command and so many operands, behind which everything belongs to somebody else. */
export function restPlaces(): readonly string[] {
  return completionCommands().flatMap(({ name, operands, hasRest }) =>
    hasRest ? [`${name} ${operands.length}`] : []
  );
}

/** All flags with a value, in every spelling. */
export function valueFlags(): readonly string[] {
  const names = completionCommands().flatMap(({ flags }) =>
    flags.flatMap((flag) => flag.value === undefined ? [] : flag.names)
  );
  return [...new Set(names)];
}

/** The first words of commands with what they do, each once. */
export function firstWords(): ReadonlyMap<string, string> {
  const words = new Map<string, string>();
  for (const { name, summary } of completionCommands()) {
    const [first = "", second] = name.split(" ");
    if (words.has(first)) continue;
    words.set(first, second === undefined ? summary : GROUPS[first] ?? first);
  }
  return words.set("help", "Show help");
}

/** First words that need a second one. */
export function groups(): readonly string[] {
  return [...firstWords().keys()].filter((word) => secondWords(word).size > 0);
}

/** The second words of a group with what they do; none for a plain command. */
export function secondWords(group: string): ReadonlyMap<string, string> {
  return new Map(
    completionCommands().flatMap(({ name, summary }) =>
      name.startsWith(`${group} `)
        ? [[name.slice(group.length + 1), summary] as const]
        : []
    ),
  );
}

function flagsOf(
  flags: Readonly<Record<string, FlagSpec>>,
): readonly CompletionFlag[] {
  return Object.entries(flags).flatMap(([name, flag]) => {
    const { help, short, kind } = flag;
    const names = [...(short === undefined ? [] : [`-${short}`]), `--${name}`];
    const isList = kind === "list";
    if (kind === "optional") return [{ names, help, isList }];
    if (kind !== "switch") {
      const value = valueOf(flag.value ?? "TEXT", flag.choices);
      return [{ names, help, value, isList }];
    }
    const off = {
      names: [`--no-${name}`],
      help: `The opposite of --${name}`,
      isList,
    };
    return [{ names, help, isList }, ...(flag.default === true ? [off] : [])];
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
