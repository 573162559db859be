import { findWorkenv, removeWorkenv } from "../../workenv/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { formatSize } from "../format_size.ts";
import { packageText } from "./workenv_list.ts";

/**
 * `flavor workenv remove ID`.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `cache/in-use`, `cache/not-found`, `usage/bad-argument`
 */
export async function runWorkenvRemove(
  command: CommandOf<"workenv remove">,
  { host, output }: CommandContext,
): Promise<void> {
  const entry = await findWorkenv(command.operands.id, host);
  await removeWorkenv(entry, host);
  output.report(
    { removed: [entry.id], freed: entry.size },
    () =>
      `removed ${entry.id} (${packageText(entry)}, ${formatSize(entry.size)})`,
  );
}
