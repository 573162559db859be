import { PspfError } from "../errors.ts";
import { findNearestName } from "../manifest/nearest_name.ts";
import type { Command, CommandLine, GlobalValues } from "./command.ts";
import type { CommandSpec, OperandSpec } from "./command_spec.ts";
import { type CommandName, COMMANDS, GLOBAL_FLAGS } from "./flag_table.ts";
import { type EnvLookup, type ParsedFlags, parseFlags } from "./parse_flags.ts";

/**
 * Reads a command line. Only its syntax is checked: paths and keys are looked
 * at when the command runs.
 *
 * @param args The arguments, without the program.
 * @param env Looks up the variables that stand in for flags.
 * @returns The command and the global flags.
 * @throws {PspfError} `usage/unknown-command`, `usage/bad-argument`
 */
export function parseCliArgs(
  args: readonly string[],
  env: EnvLookup = () => undefined,
): CommandLine {
  const dashes = args.indexOf("--");
  const head = dashes === -1 ? args : args.slice(0, dashes);
  const rest = dashes === -1 ? [] : args.slice(dashes + 1);

  const first = parseFlags(head, GLOBAL_FLAGS, env, { stopEarly: true });
  const before = head.slice(0, head.length - first.operands.length);
  const globals = asGlobals(first);
  const [word] = first.operands;
  if (globals.version) return { command: { kind: "version" }, globals };
  if (word === undefined) return bareLine(globals);
  if (word === "help") {
    const topic = checkTopic(first.operands.slice(1).join(" "));
    return { command: { kind: "help", topic }, globals };
  }
  const { name, words } = findCommand(first.operands, globals.help);
  if (!isCommand(name)) {
    return { command: { kind: "help", topic: name }, globals };
  }
  const spec: CommandSpec = COMMANDS[name];
  const after = first.operands.slice(words);
  const all = parseFlags(
    [...before, ...after],
    { ...GLOBAL_FLAGS, ...spec.flags },
    env,
    { unknownHint: hintFor(name, spec) },
  );
  const allGlobals = asGlobals(all);
  if (allGlobals.help) {
    return { command: { kind: "help", topic: name }, globals: allGlobals };
  }
  return { command: toCommand(name, spec, all, rest), globals: allGlobals };
}

/** The table gives every flag the type that its parsed value has. */
function asGlobals(parsed: ParsedFlags): GlobalValues {
  return parsed.values as unknown as GlobalValues;
}

function bareLine(globals: GlobalValues): CommandLine {
  if (globals.help) return { command: { kind: "help", topic: "" }, globals };
  throw new PspfError("usage/unknown-command", "A command is missing", {
    hint: `Commands: ${firstWords().join(", ")}; see "flavor --help"`,
  });
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function firstWords(): string[] {
  const words = Object.keys(COMMANDS).map((name) => name.split(" ")[0] ?? "");
  return [...new Set(words)];
}

interface FoundCommand {
  /** A command, or the first word of several when help on them is wanted. */
  readonly name: string;
  readonly words: number;
}

function findCommand(
  operands: readonly string[],
  help: boolean,
): FoundCommand {
  const [first = "", second] = operands;
  if (isCommand(first)) return { name: first, words: 1 };
  const seconds = secondWords(first);
  if (seconds.length === 0) throw unknownCommand(first, firstWords(), "");
  if (second === undefined || /^(-h|--help)$/.test(second)) {
    if (help || second !== undefined) return { name: first, words: 1 };
    throw new PspfError(
      "usage/unknown-command",
      `"flavor ${first}" needs a second word`,
      { hint: `One of: ${seconds.join(", ")}` },
    );
  }
  const name = `${first} ${second}`;
  if (isCommand(name)) return { name, words: 2 };
  throw unknownCommand(second, seconds, `${first} `);
}

function secondWords(first: string): string[] {
  return Object.keys(COMMANDS).filter((name) => name.startsWith(`${first} `))
    .map((name) => name.slice(first.length + 1));
}

function unknownCommand(
  word: string,
  known: readonly string[],
  prefix: string,
): PspfError {
  const nearest = findNearestName(word, known);
  return new PspfError(
    "usage/unknown-command",
    `Unknown command "${prefix}${word}"`,
    {
      context: { command: `${prefix}${word}` },
      hint: nearest === undefined
        ? `Commands: ${known.map((name) => prefix + name).join(", ")}`
        : `Did you mean "flavor ${prefix}${nearest}"?`,
    },
  );
}

function checkTopic(topic: string): string {
  if (topic === "" || isCommand(topic) || secondWords(topic).length > 0) {
    return topic;
  }
  throw unknownCommand(topic, [...Object.keys(COMMANDS), ...firstWords()], "");
}

function toCommand(
  name: CommandName,
  spec: CommandSpec,
  parsed: ParsedFlags,
  rest: readonly string[],
): Command {
  const { operands } = parsed;
  const missing = spec.operands.find((operand, index) =>
    operand.optional !== true && operands[index] === undefined
  );
  if (missing !== undefined) {
    throw new PspfError(
      "usage/bad-argument",
      `"flavor ${name}" needs ${missing.value}: ${missing.help}`,
      { hint: `See "flavor ${name} --help"` },
    );
  }
  const extra = operands[spec.operands.length] ??
    (spec.rest === undefined ? rest[0] : undefined);
  if (extra !== undefined) {
    throw new PspfError(
      "usage/bad-argument",
      `"flavor ${name}" does not take "${extra}"`,
      {
        context: { argument: extra },
        hint: hintFor(name, spec),
      },
    );
  }
  spec.operands.forEach((operand, index) =>
    checkChoice(operand, operands[index])
  );
  const flags = Object.fromEntries(
    Object.keys(spec.flags).map((flag) => [flag, parsed.values[flag]]),
  );
  const named = Object.fromEntries(
    spec.operands.map((operand, index) => [operand.name, operands[index]]),
  );
  // The table types and the table values are the same object.
  return { kind: name, flags, operands: named, rest } as unknown as Command;
}

/** What to tell whoever gave a command something that it does not know. */
function hintFor(name: CommandName, spec: CommandSpec): string {
  return spec.rest === undefined
    ? `See "flavor ${name} --help"`
    : "What is meant for the application comes after --";
}

function checkChoice(
  { value, choices }: OperandSpec,
  given: string | undefined,
): void {
  if (choices === undefined || given === undefined) return;
  if (choices.includes(given)) return;
  const nearest = findNearestName(given, choices);
  throw new PspfError(
    "usage/bad-argument",
    `${value} cannot be "${given}"`,
    {
      context: { actual: given, expected: choices },
      hint: nearest === undefined
        ? `Choose one of: ${choices.join(", ")}`
        : `Did you mean "${nearest}"?`,
    },
  );
}
