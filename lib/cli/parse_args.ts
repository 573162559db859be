import { parseArgs } from "node:util";

import { type JsonValue, PspfError } from "../errors.ts";
import { findNearestName } from "../manifest/nearest_name.ts";
import type {
  Command,
  CommandLine,
  CommandName,
  CommandSpec,
  FlagSpec,
  GlobalValues,
} from "./command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS } from "./command_table.ts";
import { parseAge, parseSize } from "./parse_amount.ts";

type Flags = Readonly<Record<string, FlagSpec>>;
type EnvLookup = (name: string) => string | undefined;

/** What stands in a line, before anything is looked up in the environment. */
interface Line {
  /** What every flag was given, in order; a switch was given `true` or `false`. */
  readonly given: ReadonlyMap<string, readonly (string | boolean)[]>;
  readonly operands: readonly string[];
  /** What follows the last operand. */
  readonly rest: readonly string[];
}

/**
 * Reads a command line. Only its syntax is checked: paths and keys are looked
 * at when the command runs.
 */
export function parseCliArgs(
  args: readonly string[],
  env: EnvLookup = () => undefined,
): CommandLine {
  const before = scanLine(args, GLOBAL_FLAGS, 0, "See flavor --help");
  const asked = globalsOf(before, env);
  const [word, ...words] = before.rest;
  if (asked.version) return { command: { kind: "version" }, globals: asked };
  if (word === undefined && asked.help) return helpLine("", asked);
  if (word === undefined) {
    throw new PspfError("usage/unknown-command", "A command is missing", {
      hint: `Commands: ${firstWords().join(", ")}; see "flavor --help"`,
    });
  }
  if (word === "help") return helpLine(checkTopic(words.join(" ")), asked);
  if (!isCommand(word) && /^(?:-V|--version)$/.test(words[0] ?? "")) {
    return { command: { kind: "version" }, globals: asked };
  }
  const name = findCommand(word, words[0], asked.help);
  if (!isCommand(name)) return helpLine(name, asked);
  const spec: CommandSpec = COMMANDS[name];
  const head = args.slice(0, args.length - before.rest.length);
  const line = scanLine(
    [...head, ...before.rest.slice(name.split(" ").length)],
    { ...GLOBAL_FLAGS, ...spec.flags },
    spec.rest === undefined ? Infinity : spec.operands.length,
    hintFor(name, spec),
  );
  const globals = globalsOf(line, env);
  if (globals.help) return helpLine(name, globals);
  if (globals.version) return { command: { kind: "version" }, globals };
  return { command: toCommand(name, spec, line, env), globals };
}

function helpLine(topic: string, globals: GlobalValues): CommandLine {
  return { command: { kind: "help", topic }, globals };
}

/** Takes flags and so many operands; what follows belongs to the application. */
function scanLine(
  args: readonly string[],
  flags: Flags,
  most: number,
  unknownHint: string,
): Line {
  const options = Object.entries(flags).map(([name, { kind, short }]) => {
    const type = kind === "switch" || kind === "optional"
      ? "boolean"
      : "string";
    return [name, { type, ...(short && { short }) }] as const;
  });
  const { tokens } = parseArgs({
    args: [...args],
    strict: false,
    allowPositionals: true,
    tokens: true,
    options: Object.fromEntries(options),
  });
  const given = new Map<string, (string | boolean)[]>();
  const operands: string[] = [];
  for (const token of tokens) {
    if (token.kind === "option") {
      const [name, value] = flagOf(token, flags, unknownHint);
      given.set(name, [...given.get(name) ?? [], value]);
    } else if (token.kind === "positional") {
      if (operands.length < most) operands.push(token.value);
      else return { given, operands, rest: args.slice(token.index) };
      // A flag after the last operand belongs to the application as well.
      if (operands.length === most) {
        return { given, operands, rest: args.slice(token.index + 1) };
      }
    }
  }
  return { given, operands, rest: [] };
}

function flagOf(
  { name, rawName, value, inlineValue }: {
    readonly name: string;
    readonly rawName: string;
    readonly value?: string | undefined;
    readonly inlineValue?: boolean | undefined;
  },
  flags: Flags,
  unknownHint: string,
): readonly [string, string | boolean] {
  const positive = name.replace(/^no-/, "");
  const isOff = positive !== name && flags[positive]?.default === true;
  const known = isOff ? positive : name;
  const flag = Object.hasOwn(flags, known) ? flags[known] : undefined;
  if (flag === undefined) {
    const names = Object.entries(flags).flatMap(([one, spec]) =>
      spec.default === true ? [one, `no-${one}`] : [one]
    );
    throw badArgument(
      `Unknown flag "${rawName}"`,
      { flag: rawName },
      guess(rawName.startsWith("--") ? name : "", names, "--", unknownHint),
    );
  }
  if (flag.kind === "switch") {
    if (value === undefined) return [known, !isOff];
    const hint = `Write ${rawName} alone`;
    throw badArgument(`"${rawName}" takes no value`, { flag: rawName }, hint);
  }
  if (flag.kind === "optional") return [known, value ?? ""];
  // PEM text begins with dashes, and no flag looks like it.
  const isFlag = inlineValue === false &&
    /^-(?!----BEGIN )./.test(value ?? "");
  if (value !== undefined && value !== "" && !isFlag) return [known, value];
  throw badArgument(
    `"--${known}" needs a value: ${flag.value ?? "TEXT"}`,
    { flag: `--${known}` },
    `A value that starts with a dash is given as --${known}=VALUE`,
  );
}

/** The table gives every flag the type that its value has. */
function globalsOf(line: Line, env: EnvLookup): GlobalValues {
  return valuesOf(GLOBAL_FLAGS, line, env) as unknown as GlobalValues;
}

function valuesOf(
  flags: Flags,
  { given }: Line,
  env: EnvLookup,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(flags).map(([name, flag]) => [
      name,
      valueOf(`--${name}`, flag, given.get(name) ?? [], env),
    ]),
  );
}

function valueOf(
  name: string,
  flag: FlagSpec,
  given: readonly (string | boolean)[],
  env: EnvLookup,
): unknown {
  if (flag.kind === "switch") return given.at(-1) ?? flag.default === true;
  const twin = flag.env === undefined ? "" : env(flag.env) ?? "";
  if (flag.kind === "list") {
    for (const one of given) {
      checkChoice(`"${name}" does not take`, flag.choices, String(one));
    }
    return given.length > 0 ? given : itemsOf(flag.env ?? "", twin);
  }
  // A variable is shared with other programs; what they alone understand must
  // not stop the command.
  const isFit = twin !== "" && (flag.choices?.includes(twin) ?? true);
  const text = given.at(-1) ?? (isFit ? twin : flag.default);
  if (typeof text !== "string") return undefined;
  switch (flag.kind) {
    case "optional":
      return text;
    case "number":
      return numberOf(name, flag, text);
    case "size":
      return parseSize(text, name);
    case "age":
      return parseAge(text, name);
    case "text":
      checkChoice(`"${name}" does not take`, flag.choices, text);
      return text;
  }
}

function itemsOf(name: string, text: string): readonly string[] {
  if (text === "") return [];
  const items = text.split(",").map((item) => item.trim())
    .filter((item) => item !== "");
  if (items.length > 0) return items;
  // `"$ONE,$TWO"` of two unset variables: no list would mean any key.
  throw badArgument(
    `${name} is set, but lists nothing`,
    { variable: name, actual: text },
    "Unset it, or give it a value",
  );
}

function numberOf(
  name: string,
  { least = 0, most }: Pick<FlagSpec, "least" | "most">,
  text: string,
): number {
  const value = Number(text);
  if (
    /^[0-9]{1,9}$/.test(text) && value >= least && value <= (most ?? value)
  ) return value;
  const range = most === undefined
    ? `of at least ${least}`
    : `from ${least} to ${most}`;
  throw badArgument(
    `"${name}" needs a whole number ${range}, not "${text}"`,
    { flag: name, actual: text },
  );
}

function checkChoice(
  says: string,
  choices: readonly string[] | undefined,
  text: string,
): void {
  if (choices === undefined || choices.includes(text)) return;
  throw badArgument(
    `${says} "${text}"`,
    { actual: text, expected: choices },
    guess(text, choices, "", `Choose one of: ${choices.join(", ")}`),
  );
}

function isCommand(name: string): name is CommandName {
  return Object.hasOwn(COMMANDS, name);
}

function firstWords(): string[] {
  const words = Object.keys(COMMANDS).map((name) => name.split(" ")[0] ?? "");
  return [...new Set(words)];
}

function secondWords(first: string): string[] {
  return Object.keys(COMMANDS).filter((name) => name.startsWith(`${first} `))
    .map((name) => name.slice(first.length + 1));
}

/** A command, or the first word of several when help on them is wanted. */
function findCommand(
  first: string,
  second: string | undefined,
  help: boolean,
): string {
  if (isCommand(first)) return first;
  const seconds = secondWords(first);
  if (seconds.length === 0) throw unknownCommand("", first, firstWords());
  if (help || second === "-h" || second === "--help") return first;
  if (second !== undefined && !second.startsWith("-")) {
    const name = `${first} ${second}`;
    if (isCommand(name)) return name;
    throw unknownCommand(`${first} `, second, seconds);
  }
  throw new PspfError(
    "usage/unknown-command",
    `"flavor ${first}" needs a second word`,
    { hint: `One of: ${seconds.join(", ")}` },
  );
}

function checkTopic(topic: string): string {
  if (topic === "" || isCommand(topic) || secondWords(topic).length > 0) {
    return topic;
  }
  throw unknownCommand("", topic, [...Object.keys(COMMANDS), ...firstWords()]);
}

function unknownCommand(
  prefix: string,
  word: string,
  known: readonly string[],
): PspfError {
  const all = known.map((name) => prefix + name).join(", ");
  const near = findNearestName(word, known);
  return new PspfError(
    "usage/unknown-command",
    `Unknown command "${prefix}${word}"`,
    {
      context: { command: `${prefix}${word}` },
      hint: near === undefined
        ? `Commands: ${all}`
        : `Did you mean "flavor ${prefix}${near}"?`,
    },
  );
}

function toCommand(
  name: CommandName,
  spec: CommandSpec,
  line: Line,
  env: EnvLookup,
): Command {
  const operands: Record<string, string | readonly string[]> = {};
  let left = line.operands;
  for (const operand of spec.operands) {
    const { name: key, value, help, many, optional, choices } = operand;
    const [first, ...others] = left;
    if (first === undefined) {
      if (optional === true) continue;
      const meaning = help.charAt(0).toLowerCase() + help.slice(1);
      throw badArgument(
        `"flavor ${name}" needs ${value}: ${meaning}`,
        {},
        `See "flavor ${name} --help"`,
      );
    }
    checkChoice(`${value} cannot be`, choices, first);
    operands[key] = many === true ? left : first;
    left = many === true ? [] : others;
  }
  const [extra] = left;
  if (extra !== undefined) {
    const says = `"flavor ${name}" does not take "${extra}"`;
    throw badArgument(says, { argument: extra }, hintFor(name, spec));
  }
  const flags = valuesOf(spec.flags, line, env);
  const rest = restOf(name, spec, line.rest);
  // The table types and the table values are the same object.
  return { kind: name, flags, operands, rest } as unknown as Command;
}

/** A trusted key in the wrong place must not be ignored. */
function restOf(
  name: string,
  spec: CommandSpec,
  rest: readonly string[],
): readonly string[] {
  if (rest[0] === "--") return rest.slice(1);
  const end = rest.indexOf("--");
  const own = rest.slice(0, end === -1 ? undefined : end)
    .map((arg) => arg.replace(/=.*$/s, ""))
    .find((arg) =>
      arg.startsWith("--") && Object.hasOwn(spec.flags, arg.slice(2))
    );
  if (own === undefined) return rest;
  throw badArgument(
    `"${own}" has to come before the package`,
    { flag: own },
    `If the application is to get it, write -- in front: flavor ${name} PKG -- ${own}`,
  );
}

/** What to say about something that a command does not know. */
function hintFor(name: CommandName, spec: CommandSpec): string {
  return spec.rest === undefined
    ? `See "flavor ${name} --help"`
    : "Options for the application come after the package";
}

function guess(
  text: string,
  known: readonly string[],
  prefix: string,
  otherwise: string,
): string {
  const nearest = findNearestName(text, known);
  return nearest === undefined
    ? otherwise
    : `Did you mean "${prefix}${nearest}"?`;
}

function badArgument(
  message: string,
  context: Readonly<Record<string, JsonValue>>,
  hint?: string,
): PspfError {
  return new PspfError("usage/bad-argument", message, {
    context,
    ...(hint && { hint }),
  });
}
