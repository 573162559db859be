import { buildHelpers, listHelpers } from "../../launchers/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { runHelpersList } from "./helpers_list.ts";

/**
 * `flavor helpers build`.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `launcher/failed`, `launcher/not-found`
 */
export async function runHelpersBuild(
  command: CommandOf<"helpers build">,
  context: CommandContext,
): Promise<void> {
  await buildHelpers(context.host, command.flags.force);
  const count = (await listHelpers(context.host)).length;
  context.output.trace(`${count} helpers are there now`);
  await runHelpersList(context);
}
