import { dirname, join } from "@std/path";

import { PspfError } from "../../errors.ts";
import type { Host } from "../../host/types.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { bashCompletion } from "../completions/bash_completion.ts";
import { fishCompletion } from "../completions/fish_completion.ts";
import { zshCompletion } from "../completions/zsh_completion.ts";

const SCRIPTS = {
  bash: bashCompletion,
  zsh: zshCompletion,
  fish: fishCompletion,
} as const;

/** Where each shell looks: below a directory of the user. */
const PLACES = {
  bash: ["XDG_DATA_HOME", ".local/share", "bash-completion/completions/flavor"],
  zsh: ["XDG_DATA_HOME", ".local/share", "zsh/site-functions/_flavor"],
  fish: ["XDG_CONFIG_HOME", ".config", "fish/completions/flavor.fish"],
} as const;

/**
 * `flavor completions SHELL`: a script that the shell loads; it is made from
 * the same table as `--help`.
 */
export async function runCompletions(
  { operands: { shell }, flags }: CommandOf<"completions">,
  { host, output }: CommandContext,
): Promise<void> {
  const script = SCRIPTS[shell]();
  if (!flags.install) {
    return output.result({ shell, script }, () => script.trimEnd());
  }
  const path = placeOf(shell, host);
  await host.writer.makeDirectory(dirname(path));
  await using sink = await host.writer.createSink(path, { replace: true });
  await sink.write(new TextEncoder().encode(script));
  await sink.commit();
  output.report({ shell, path }, () => `wrote ${path}`);
  output.note(NEXT[shell](path));
}

function placeOf(
  shell: keyof typeof PLACES,
  { env, machine }: Pick<Host, "env" | "machine">,
): string {
  const [variable, fallback, path] = PLACES[shell];
  const named = env.get(variable) ?? "";
  if (named !== "") return join(named, path);
  if (machine.home !== undefined) return join(machine.home, fallback, path);
  throw new PspfError(
    "io/not-found",
    "There is no home directory to install completions in",
    { hint: `Set HOME or ${variable}` },
  );
}

const NEXT = {
  bash: () => "A new shell completes flavor where bash-completion is installed",
  zsh: (path: string) =>
    `A new shell completes flavor where ~/.zshrc has, before compinit: fpath=("${
      dirname(path)
    }" $fpath)`,
  fish: () => "A new shell completes flavor",
} as const;
