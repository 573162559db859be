import type { CommandSpec, FlagSpec } from "./command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS } from "./flag_table.ts";
import { usageLine } from "./usage_line.ts";

const WIDTH = 80;
const INTRODUCTION =
  "flavor packs an application into one signed executable file, and verifies, inspects, extracts and runs such files.";

/**
 * The help page of everything, of a group of commands or of one command.
 *
 * @param topic A command, the first word of several, or nothing.
 * @returns The page, ending with a line feed.
 */
export function helpText(topic: string): string {
  const commands: Readonly<Record<string, CommandSpec>> = COMMANDS;
  const spec = commands[topic];
  const lines = spec === undefined
    ? overview(commands, topic)
    : commandPage(topic, spec);
  return `${lines.join("\n")}\n`;
}

function overview(
  commands: Readonly<Record<string, CommandSpec>>,
  group: string,
): string[] {
  const shown = Object.entries(commands)
    .filter(([name]) => group === "" || name.startsWith(`${group} `));
  const name = group === "" ? "" : `${group} `;
  return [
    ...(group === "" ? [...wrap(INTRODUCTION, ""), ""] : []),
    `Usage: flavor ${name}COMMAND [OPTIONS]`,
    "",
    "Commands:",
    ...columns(shown.map(([key, spec]) => [key, spec.summary])),
    "",
    "Options:",
    ...columns(flagRows(GLOBAL_FLAGS)),
    "",
    `See "flavor COMMAND --help" for one command.`,
  ];
}

function commandPage(name: string, spec: CommandSpec): string[] {
  return [
    ...wrap(`${spec.summary}.`, ""),
    "",
    `Usage: ${usageLine(name, spec)}`,
    ...section(
      "Arguments",
      spec.operands.map(({ value, help }) => [value, help]),
    ),
    ...section("Options", flagRows(spec.flags)),
    ...section("Options of every command", flagRows(GLOBAL_FLAGS)),
    ...(spec.description ?? []).flatMap((text) => ["", ...wrap(text, "")]),
    "",
    "Examples:",
    ...spec.examples.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]),
  ];
}

type Row = readonly [name: string, help: string];

function section(title: string, rows: readonly Row[]): string[] {
  return rows.length === 0 ? [] : ["", `${title}:`, ...columns(rows)];
}

function flagRows(flags: Readonly<Record<string, FlagSpec>>): Row[] {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    const negation = flag.default === true ? "[no-]" : "";
    const value = flag.kind === "switch" ? "" : ` ${flag.value ?? "TEXT"}`;
    const notes = [
      flag.choices === undefined ? [] : [flag.choices.join(", ")],
      typeof flag.default === "string" ? [`default: ${flag.default}`] : [],
      flag.env === undefined ? [] : [`env: ${flag.env}`],
    ].flat();
    const suffix = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
    return [`${short}--${negation}${name}${value}`, `${flag.help}${suffix}`];
  });
}

function columns(rows: readonly Row[]): string[] {
  const widest = Math.max(...rows.map(([name]) => name.length));
  return rows.flatMap(([name, help]) => {
    const indent = " ".repeat(widest + 4);
    const [head = "", ...tail] = wrap(help, indent);
    return [`  ${name.padEnd(widest)}  ${head.slice(indent.length)}`, ...tail];
  });
}

function wrap(text: string, indent: string): string[] {
  const lines: string[] = [];
  let line = indent;
  for (const word of text.split(" ")) {
    const joined = line === indent ? indent + word : `${line} ${word}`;
    if (joined.length > WIDTH && line !== indent) {
      lines.push(line);
      line = indent + word;
    } else {
      line = joined;
    }
  }
  return [...lines, line];
}
