import type { JsonValue } from "../errors.ts";
import type { Host } from "../host/types.ts";
import { KNOWN_LAUNCHERS } from "../launchers/known_launchers.ts";
import { BUILT_RELEASE } from "./built_release.ts";
import { programForm } from "./program_form.ts";

/** What `flavor --version --json` tells beside the version. */
export function versionFacts(
  host: Pick<Host, "env" | "machine">,
): Readonly<Record<string, JsonValue>> {
  return {
    form: programForm(host),
    platform: host.machine.platform,
    commit: BUILT_RELEASE.commit ?? null,
    release_key: BUILT_RELEASE.publicKey ?? null,
    launchers: Object.entries(KNOWN_LAUNCHERS).map(([platform, known]) => ({
      platform,
      ...known,
    })),
  };
}
