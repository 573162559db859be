import { createApp, openShelf } from "../../web/mod.ts";
import { writeSite } from "../../web/site.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { readTrustedKeys } from "../package_file.ts";
import { formatCount, visibleText } from "../text.ts";

/** `flavor site`: what `flavor serve` shows, as files. */
export async function runSite(
  command: CommandOf<"site">,
  { host, output }: CommandContext,
): Promise<void> {
  const { source, output: directory } = command.operands;
  const { force, "trusted-key": given } = command.flags;
  const app = createApp({
    packages: await openShelf([source], { host }),
    trustedKeys: await readTrustedKeys(given, host.reader),
  });
  await using draft = await host.writer.createDirectory(directory, force);
  const packages = await writeSite(app, draft.target);
  await draft.commit();
  for (const { file, valid } of packages) {
    if (valid) continue;
    output.warn(
      `${visibleText(file)} does not verify; the page will say so`,
    );
  }
  output.report(
    { output: directory, packages: packages.map((one) => ({ ...one })) },
    () => `${formatCount(packages.length, "package")} -> ${directory}`,
  );
}
