import { cleanWorkenvs, type WorkenvEntry } from "../../workenv/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { formatCount } from "../format_count.ts";
import { formatSize } from "../format_size.ts";
import { parseAge, parseSize } from "../parse_amount.ts";
import { packageText } from "./workenv_list.ts";

/**
 * `flavor workenv clean`.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `usage/bad-argument`, `io/denied`
 */
export async function runWorkenvClean(
  command: CommandOf<"workenv clean">,
  { host, output }: CommandContext,
): Promise<void> {
  const { "older-than": age, "max-size": size, "dry-run": dryRun } =
    command.flags;
  const { removed, inUse } = await cleanWorkenvs(host, {
    ...(age === undefined ? {} : { olderThanMs: parseAge(age) }),
    ...(size === undefined ? {} : { maxSize: parseSize(size) }),
    dryRun,
  });
  const freed = removed.reduce((sum, entry) => sum + entry.size, 0);
  const ids = (entries: readonly WorkenvEntry[]): string[] =>
    entries.map(({ id }) => id);
  output.report(
    {
      removed: ids(removed),
      in_use: ids(inUse),
      freed,
      dry_run: dryRun,
    },
    () =>
      [
        ...removed.map((entry) =>
          `${dryRun ? "would remove" : "removed"} ${entry.id} (${
            packageText(entry)
          }, ${formatSize(entry.size)})`
        ),
        ...inUse.map((entry) => `in use, kept: ${entry.id}`),
        `${dryRun ? "would free" : "freed"} ${formatSize(freed)} in ${
          formatCount(removed.length, "workenv")
        }`,
      ].join("\n"),
  );
}
