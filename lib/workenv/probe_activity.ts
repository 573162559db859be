import type { WorkenvHost } from "./workenv_host.ts";

/** What somebody does with a workenv at the moment, as far as locks tell. */
export type WorkenvActivity = "none" | "filling" | "running";

/**
 * Asks the launcher's locks what a workenv is used for. The lock of running
 * programs is tried only while the fill lock is held: a package that starts in
 * this very moment then waits for us instead of finding its lease refused.
 * Nothing is created, so a workenv without locks stays without.
 *
 * @param paths Its two lock files.
 * @param host Files and locks.
 * @returns What goes on; `none` where the locks may not be looked at.
 */
export async function probeActivity(
  paths: { readonly fill: string; readonly use: string },
  host: Pick<WorkenvHost, "reader" | "locks">,
): Promise<WorkenvActivity> {
  const { reader, locks } = host;
  try {
    if ((await reader.linkFacts(paths.fill))?.kind !== "file") return "none";
    using filling = await locks.tryExclusive(paths.fill);
    if (filling === undefined) return "filling";
    if ((await reader.linkFacts(paths.use))?.kind !== "file") return "none";
    using running = await locks.tryExclusive(paths.use);
    return running === undefined ? "running" : "none";
  } catch {
    // A cache on a read-only file system can be listed all the same.
    return "none";
  }
}
