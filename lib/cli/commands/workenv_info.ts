import { listWorkenvs } from "../../workenv/mod.ts";
import type { CommandContext } from "../command_context.ts";
import { formatSize } from "../format_size.ts";
import { formatTable } from "../format_table.ts";

/**
 * `flavor workenv info`.
 *
 * @param context Host and output.
 */
export async function runWorkenvInfo(
  { host, output }: CommandContext,
): Promise<void> {
  const { root, entries } = await listWorkenvs(host);
  const size = entries.reduce((sum, entry) => sum + entry.size, 0);
  const inUse = entries.filter(({ activity }) => activity !== "none").length;
  const facts = {
    directory: root.path,
    exists: root.exists,
    workenvs: entries.length,
    in_use: inUse,
    size,
  };
  output.result(facts, () =>
    formatTable([
      ["directory", root.exists ? root.path : `${root.path} (not there yet)`],
      ["workenvs", String(entries.length)],
      ["in use", String(inUse)],
      ["size", formatSize(size)],
    ]));
}
