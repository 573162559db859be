import { findWorkenv } from "../../workenv/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { formatSize } from "../format_size.ts";
import { formatTable } from "../format_table.ts";
import { packageText, stateOf, workenvJson } from "./workenv_list.ts";

/**
 * `flavor workenv inspect ID`.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `cache/not-found`, `usage/bad-argument`
 */
export async function runWorkenvInspect(
  command: CommandOf<"workenv inspect">,
  { host, output }: CommandContext,
): Promise<void> {
  const entry = await findWorkenv(command.operands.id, host);
  const facts = {
    ...workenvJson(entry),
    content_dir: entry.path,
    metadata_dir: entry.records,
    extraction_complete: entry.filled,
  };
  output.result(facts, () =>
    formatTable([
      ["id", entry.id],
      ["package", packageText(entry)],
      ["filled from", entry.packagePath ?? "unknown"],
      ["filled at", new Date(entry.filledAtMs).toISOString()],
      ["size", formatSize(entry.size)],
      ["files", entry.files === undefined ? "unknown" : String(entry.files)],
      ["state", stateOf(entry)],
      ...(entry.users.length === 0
        ? []
        : [["processes", entry.users.join(", ")]]),
      ["content", entry.path],
      ["records", entry.records],
    ]));
}
