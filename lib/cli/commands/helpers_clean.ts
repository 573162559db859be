import { join } from "@std/path";

import { PspfError } from "../../errors.ts";
import { parseHelperName } from "../../launchers/mod.ts";
import type { CommandContext } from "../command_context.ts";

/**
 * `flavor helpers clean`: removes what was built in this checkout, and nothing
 * that has another name.
 *
 * @param context Host and output.
 * @throws {PspfError} `launcher/not-found`, `io/denied`
 */
export async function runHelpersClean(
  { host, output }: CommandContext,
): Promise<void> {
  const { checkout } = host.machine;
  if (checkout === undefined) {
    throw new PspfError(
      "launcher/not-found",
      "Helpers are built in a checkout, and this is none",
    );
  }
  const directory = join(checkout, "dist", "bin");
  const names = (await host.reader.list(directory))
    .filter((name) => parseHelperName(name) !== undefined);
  const removed = names.map((name) => join(directory, name));
  for (const path of removed) await host.writer.remove(path);
  output.report(
    { removed },
    () =>
      removed.length === 0
        ? "Nothing to remove"
        : removed.map((path) => `removed ${path}`).join("\n"),
  );
}
