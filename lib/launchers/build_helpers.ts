import { join } from "@std/path";

import { PspfError } from "../errors.ts";
import type { Machine, ProcessRunner } from "../host/types.ts";

/**
 * Builds this machine's launcher in a checkout, with the same script that
 * `scripts/dev` uses; it says what it does on standard error.
 *
 * @param host Runs the script.
 * @param force Whether to build even when nothing changed.
 * @throws {PspfError} `launcher/failed`, `launcher/not-found`
 */
export async function buildHelpers(
  host: {
    readonly processes: ProcessRunner;
    readonly machine: Pick<Machine, "checkout">;
  },
  force: boolean = false,
): Promise<void> {
  const { checkout } = host.machine;
  if (checkout === undefined) {
    throw new PspfError(
      "launcher/not-found",
      "Helpers are built from their sources, and this is no checkout",
      {
        hint: "Clone the repository and run: scripts/dev flavor helpers build",
      },
    );
  }
  const script = join(checkout, "scripts", "build_launcher");
  const { code } = await host.processes.runTool({
    program: script,
    args: force ? [] : ["--if-stale"],
    cwd: checkout,
  });
  if (code === 0) return;
  throw new PspfError(
    "launcher/failed",
    `"scripts/build_launcher" ended with code ${code}`,
    {
      context: { code, script },
      hint: "Its messages above say why; cargo and a C compiler are needed",
    },
  );
}
