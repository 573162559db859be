import type { CommandSpec, FlagSpec } from "./command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS, GROUPS } from "./command_table.ts";

const WIDTH = 80;
const INTRODUCTION =
  "flavor packs an application into one signed executable file, and verifies, inspects, extracts and runs such files.";

/**
 * The help page of everything, of a group of commands or of one command,
 * without a final line feed.
 */
export function helpText(topic: string): string {
  const commands: Readonly<Record<string, CommandSpec>> = COMMANDS;
  const spec = commands[topic];
  return (spec === undefined ? overview(topic) : commandPage(topic, spec))
    .join("\n");
}

/** How a command is called: `flavor run [OPTIONS] PKG [ARGS...]`. */
export function usageLine(name: string, spec: CommandSpec): string {
  const operands = spec.operands.map(({ value, many, optional }) =>
    many === true ? `${value}...` : optional === true ? `[${value}]` : value
  );
  const rest = spec.rest === undefined ? [] : [`[${spec.rest}...]`];
  return ["flavor", name, "[OPTIONS]", ...operands, ...rest].join(" ");
}

function overview(group: string): string[] {
  const shown = Object.entries(COMMANDS)
    .filter(([name]) => group === "" || name.startsWith(`${group} `));
  const leading = group === "" ? INTRODUCTION : `${GROUPS[group] ?? group}.`;
  return [
    ...wrap(leading, ""),
    "",
    `Usage: flavor ${group === "" ? "" : `${group} `}COMMAND [OPTIONS]`,
    "",
    "Commands:",
    ...columns(shown.map(([name, { summary }]) => [name, summary])),
    ...(group === "" ? section("Options of every command", GLOBAL_ROWS) : []),
    "",
    ...(group === ""
      ? ["New here? flavor init && flavor pack && dist/hello.psp"]
      : []),
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
    "",
    ...wrap(
      `Every command also takes ${
        Object.keys(GLOBAL_FLAGS).map((flag) => `--${flag}`).join(", ")
      }: see "flavor --help".`,
      "",
    ),
    ...(spec.description ?? []).flatMap((text) => ["", ...wrap(text, "")]),
    "",
    "Examples:",
    ...spec.examples.flatMap(({ line, does }) => [`  # ${does}`, `  ${line}`]),
  ];
}

type Row = readonly [name: string, help: string];

const GLOBAL_ROWS: readonly Row[] = flagRows(GLOBAL_FLAGS);

function section(title: string, rows: readonly Row[]): string[] {
  return rows.length === 0 ? [] : ["", `${title}:`, ...columns(rows)];
}

function flagRows(flags: Readonly<Record<string, FlagSpec>>): Row[] {
  return Object.entries(flags).map(([name, flag]) => {
    const short = flag.short === undefined ? "    " : `-${flag.short}, `;
    const negation = flag.default === true ? "[no-]" : "";
    const value = flagValue(flag);
    const notes = [
      ...(flag.choices === undefined ? [] : [flag.choices.join(", ")]),
      ...(typeof flag.default === "string" ? [`default: ${flag.default}`] : []),
      ...(flag.env === undefined ? [] : [`env: ${flag.env}`]),
    ];
    const suffix = notes.length === 0 ? "" : ` (${notes.join("; ")})`;
    return [`${short}--${negation}${name}${value}`, `${flag.help}${suffix}`];
  });
}

/** How a flag's value is written after it. */
export function flagValue({ kind, value = "TEXT" }: FlagSpec): string {
  if (kind === "switch") return "";
  return kind === "optional" ? `[=${value}]` : ` ${value}`;
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
