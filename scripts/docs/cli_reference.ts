import type { CommandSpec, FlagSpec } from "../../lib/cli/command_spec.ts";
import { COMMANDS, GLOBAL_FLAGS } from "../../lib/cli/command_table.ts";
import { flagValue, usageLine } from "../../lib/cli/help_text.ts";
import { markdownTable, plainText } from "./markdown_table.ts";

type Flags = Readonly<Record<string, FlagSpec>>;

/**
 * Every command with its operands, flags and examples, from the flag table.
 *
 * @returns Markdown.
 */
export function cliReference(): string {
  const commands: Readonly<Record<string, CommandSpec>> = COMMANDS;
  const overview = Object.entries(commands).map(([name, { summary }]) => [
    `[\`${name}\`](#flavor-${name.replaceAll(" ", "-")})`,
    summary,
  ]);
  return [
    markdownTable(["Command", "Does"], overview),
    "## Options of every command",
    flagTable(GLOBAL_FLAGS),
    ...Object.entries(commands).map(([name, spec]) => commandPart(name, spec)),
  ].join("\n\n");
}

function commandPart(name: string, spec: CommandSpec): string {
  const examples = spec.examples.flatMap(({ line, does }) => [
    `# ${does}`,
    line,
  ]);
  return [
    `## flavor ${name}`,
    `${plainText(spec.summary)}.`,
    `\`${usageLine(name, spec)}\``,
    ...(spec.description ?? []).map(plainText),
    ...(spec.operands.length === 0 ? [] : [
      markdownTable(
        ["Argument", "Meaning"],
        spec.operands.map(({ value, help }) => [`\`${value}\``, help]),
      ),
    ]),
    ...(Object.keys(spec.flags).length === 0 ? [] : [flagTable(spec.flags)]),
    // Lines to look at: their files are made up, so they are no `sh` blocks.
    `\`\`\`text\n${examples.join("\n")}\n\`\`\``,
  ].join("\n\n");
}

function flagTable(flags: Flags): string {
  return markdownTable(
    ["Flag", "Meaning", "Default", "Variable"],
    Object.entries(flags).map(([name, flag]) => [
      flagName(name, flag),
      flagMeaning(flag),
      flagDefault(flag),
      flag.env === undefined ? "" : `\`${flag.env}\``,
    ]),
  );
}

function flagName(name: string, flag: FlagSpec): string {
  const value = flagValue(flag);
  const long = `\`--${name}${value}\``;
  const off = flag.default === true ? `, \`--no-${name}\`` : "";
  return flag.short === undefined
    ? `${long}${off}`
    : `\`-${flag.short}\`, ${long}${off}`;
}

function flagMeaning({ help, choices, least }: FlagSpec): string {
  const words = choices?.map((choice) => `\`${choice}\``).join(", ");
  return [
    help,
    ...(words === undefined ? [] : [`One of ${words}`]),
    ...(least === undefined ? [] : [`At least ${least}`]),
  ].join(". ");
}

function flagDefault({ kind, default: value }: FlagSpec): string {
  if (kind === "switch") return value === true ? "on" : "off";
  return value === undefined ? "" : `\`${value}\``;
}
