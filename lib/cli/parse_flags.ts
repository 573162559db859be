import { parseArgs } from "@std/cli/parse-args";

import { PspfError } from "../errors.ts";
import { findNearestName } from "../manifest/nearest_name.ts";
import type { FlagSpec } from "./command_spec.ts";

/** A flag's value before its type is narrowed. */
export type RawValue =
  | boolean
  | number
  | string
  | readonly string[]
  | undefined;

/** Looks up an environment variable. */
export type EnvLookup = (name: string) => string | undefined;

/** Flags and operands of one command line. */
export interface ParsedFlags {
  /** One value per flag of the table. */
  readonly values: Readonly<Record<string, RawValue>>;
  /** Everything that is no flag. */
  readonly operands: readonly string[];
}

type Flags = Readonly<Record<string, FlagSpec>>;

/** Options of {@linkcode parseFlags}. */
export interface ParseFlagsOptions {
  /** Whether the first operand ends the flags. */
  readonly stopEarly?: boolean;
  /** What to tell whoever gave a flag that resembles none of the table. */
  readonly unknownHint?: string;
}

/**
 * Parses flags by their table.
 *
 * @param args Arguments, without `--` and what follows it.
 * @param flags The table.
 * @param env Environment twins.
 * @param options Where flags end, and the hint on unknown ones.
 * @returns Values and operands.
 * @throws {PspfError} `usage/bad-argument`
 */
export function parseFlags(
  args: readonly string[],
  flags: Flags,
  env: EnvLookup,
  options: ParseFlagsOptions = {},
): ParsedFlags {
  const { stopEarly = false, unknownHint = "See --help for what there is" } =
    options;
  const entries = Object.entries(flags);
  const named = (test: (flag: FlagSpec) => boolean): string[] =>
    entries.filter(([, flag]) => test(flag)).map(([name]) => name);
  const isSwitch = (flag: FlagSpec): boolean => flag.kind === "switch";
  checkSwitches(args, flags);
  let unknown: string | undefined;
  const parsed: Readonly<Record<string, unknown>> & {
    readonly _: readonly (string | number)[];
  } = parseArgs([...args], {
    boolean: named(isSwitch),
    negatable: named((flag) => flag.default === true),
    // "_" keeps operands such as 007 from becoming numbers.
    string: ["_", ...named((flag) => !isSwitch(flag))],
    collect: named((flag) => flag.kind === "list"),
    default: Object.fromEntries(
      named((flag) => flag.default === true).map((name) => [name, true]),
    ),
    alias: Object.fromEntries(
      entries.flatMap(([name, { short }]) =>
        short === undefined ? [] : [[name, short]]
      ),
    ),
    stopEarly,
    unknown: (arg, key) => {
      if (key === undefined) return true;
      unknown ??= arg;
      return false;
    },
  });
  if (unknown !== undefined) {
    throw unknownFlag(unknown, flags, unknownHint);
  }
  const values = Object.fromEntries(entries.map(([name, flag]) => {
    const given = parsed[name];
    checkGiven(name, flag, given);
    return [name, valueOf(name, flag, given, env)];
  }));
  return { values, operands: parsed._.map(String) };
}

/** The parser would take any word but "false" for on, so that `--json=no` is yes. */
function checkSwitches(args: readonly string[], flags: Flags): void {
  for (const arg of args) {
    const [, given, name = ""] = /^(--(?:no-)?([a-z-]+))=/.exec(arg) ?? [];
    if (given === undefined || flags[name]?.kind !== "switch") continue;
    throw new PspfError("usage/bad-argument", `"${given}" takes no value`, {
      context: { flag: given },
      hint: `Write ${given} alone`,
    });
  }
}

function unknownFlag(
  arg: string,
  flags: Flags,
  otherwise: string,
): PspfError {
  const name = arg.replace(/=.*$/s, "");
  const nearest = name.startsWith("--")
    ? findNearestName(
      name.slice(2).replaceAll("-", "_"),
      flagNames(flags).map((known) => known.replaceAll("-", "_")),
    )?.replaceAll("_", "-")
    : undefined;
  return new PspfError("usage/bad-argument", `Unknown flag "${name}"`, {
    context: { flag: name },
    hint: nearest === undefined ? otherwise : `Did you mean "--${nearest}"?`,
  });
}

function flagNames(flags: Flags): string[] {
  return Object.entries(flags).flatMap(([name, flag]) =>
    flag.default === true ? [name, `no-${name}`] : [name]
  );
}

/** The parser gives an empty text where the value is missing. */
function checkGiven(name: string, flag: FlagSpec, given: unknown): void {
  const texts = Array.isArray(given) ? given : [given];
  if (flag.kind === "switch" || !texts.includes("")) return;
  throw new PspfError(
    "usage/bad-argument",
    `"--${name}" needs a value: ${flag.value ?? "TEXT"}`,
    {
      context: { flag: `--${name}` },
      hint: `A value that starts with a dash is given as --${name}=VALUE`,
    },
  );
}

function valueOf(
  name: string,
  flag: FlagSpec,
  given: unknown,
  env: EnvLookup,
): RawValue {
  switch (flag.kind) {
    case "switch":
      return given === true;
    case "list":
      return listOf(given, flag, env);
    case "number":
      return given === undefined ? undefined : numberOf(name, flag, given);
    case "text":
      return textOf(name, flag, given, env);
  }
}

function listOf(
  given: unknown,
  flag: FlagSpec,
  env: EnvLookup,
): readonly string[] {
  if (Array.isArray(given) && given.length > 0) return given.map(String);
  const text = fromEnv(flag, env);
  if (text === undefined) return [];
  const items = text.split(",").map((item) => item.trim())
    .filter((item) => item !== "");
  if (items.length > 0) return items;
  // `"$ONE,$TWO"` of two unset variables: no list would mean any key.
  throw new PspfError(
    "usage/bad-argument",
    `${flag.env} is set and names nothing`,
    {
      context: { variable: flag.env ?? "", actual: text },
      hint: "Unset it, or give it a value",
    },
  );
}

function numberOf(name: string, flag: FlagSpec, given: unknown): number {
  const { least = 0 } = flag;
  const value = Number(given);
  if (/^[0-9]{1,9}$/.test(String(given)) && value >= least) return value;
  throw new PspfError(
    "usage/bad-argument",
    `"--${name}" needs a whole number from ${least}, not "${given}"`,
    { context: { flag: `--${name}`, actual: String(given) } },
  );
}

function textOf(
  name: string,
  flag: FlagSpec,
  given: unknown,
  env: EnvLookup,
): string | undefined {
  const fallback = typeof flag.default === "string" ? flag.default : undefined;
  if (given === undefined) {
    const twin = fromEnv(flag, env);
    // A variable is shared with other programs; what they alone understand
    // must not stop us.
    const fits = twin !== undefined && (flag.choices?.includes(twin) ?? true);
    return fits ? twin : fallback;
  }
  const text = String(given);
  if (flag.choices === undefined || flag.choices.includes(text)) return text;
  const nearest = findNearestName(text, flag.choices);
  throw new PspfError(
    "usage/bad-argument",
    `"--${name}" does not take "${text}"`,
    {
      context: { flag: `--${name}`, actual: text, expected: flag.choices },
      hint: nearest === undefined
        ? `Choose one of: ${flag.choices.join(", ")}`
        : `Did you mean "${nearest}"?`,
    },
  );
}

function fromEnv(flag: FlagSpec, env: EnvLookup): string | undefined {
  const value = flag.env === undefined ? undefined : env(flag.env);
  return value === "" ? undefined : value;
}
