import { BUILT_RELEASE } from "../../release/built_release.ts";
import { upgrade } from "../../release/upgrade.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";

/** `flavor upgrade`. */
export async function runUpgrade(
  { flags }: CommandOf<"upgrade">,
  { host, output }: CommandContext,
): Promise<void> {
  using bar = output.progress("fetching", 0);
  const report = await upgrade(host, {
    ...flags,
    publicKey: BUILT_RELEASE.publicKey,
    onBytes: (count) => bar.add(count),
  });
  const { current, available, isNewer, replaced } = report;
  output.report(
    { current, available, newer: isNewer, replaced: replaced ?? null },
    () => {
      if (replaced !== undefined) {
        return `upgraded ${replaced} from ${current} to ${available}`;
      }
      return isNewer
        ? `${available} is available; this is ${current}`
        : `up to date: ${current}`;
    },
  );
}
