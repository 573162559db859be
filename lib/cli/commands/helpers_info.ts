import { PspfError } from "../../errors.ts";
import { listHelpers, platformName } from "../../launchers/mod.ts";
import { findNearestName } from "../../manifest/nearest_name.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { formatTable } from "../format_table.ts";
import { askVersion, helperJson } from "./helpers_list.ts";

/**
 * `flavor helpers info NAME`. A helper for this machine is asked for its
 * version; no other program is ever run.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `launcher/not-found`
 */
export async function runHelpersInfo(
  command: CommandOf<"helpers info">,
  { host, output }: CommandContext,
): Promise<void> {
  const { helper: wanted } = command.operands;
  const helpers = await listHelpers(host);
  const path = host.reader.absolute(wanted);
  const helper = helpers.find((one) => one.name === wanted) ??
    helpers.find((one) => one.path === path);
  if (helper === undefined) {
    const names = helpers.map((one) => one.name);
    const nearest = findNearestName(wanted, names);
    throw new PspfError("launcher/not-found", `No helper "${wanted}"`, {
      context: { helper: wanted },
      hint: nearest === undefined
        ? 'See "flavor helpers list"'
        : `Did you mean "${nearest}"?`,
    });
  }
  const version = await askVersion(helper, host);
  output.result(
    { ...helperJson(helper), version: version ?? null },
    () =>
      formatTable([
        ["name", helper.name],
        ["path", helper.path],
        ["language", helper.language],
        ["role", helper.role],
        ["runs on", helper.facts.platforms.map(platformName).join(", ")],
        ["version", version ?? "unknown"],
        ["size", `${helper.facts.size} bytes`],
        ["sha256", helper.facts.digest],
        ["operations", helper.facts.operations?.join(", ") ?? "not known"],
      ]),
  );
}
