import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { bashCompletion } from "../completions/bash_completion.ts";
import { fishCompletion } from "../completions/fish_completion.ts";
import { zshCompletion } from "../completions/zsh_completion.ts";

const SCRIPTS = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} as const;

/**
 * `flavor completions SHELL`: a script that the shell loads; it is made from
 * the same table as `--help`.
 *
 * @param command What was asked for.
 * @param context Output.
 */
export function runCompletions(
  command: CommandOf<"completions">,
  { output }: CommandContext,
): void {
  const { shell } = command.operands;
  const script = SCRIPTS[shell]();
  output.result({ shell, script }, () => script.trimEnd());
}
