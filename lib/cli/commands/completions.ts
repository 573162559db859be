import type { CommandContext, CommandOf } from "../command_spec.ts";
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
 */
export function runCompletions(
  { operands: { shell } }: CommandOf<"completions">,
  { output }: CommandContext,
): Promise<void> {
  const script = SCRIPTS[shell]();
  output.result({ shell, script }, () => script.trimEnd());
  return Promise.resolve();
}
