import type { BuilderHost } from "./builder_host.ts";

/**
 * Loads the machine that the program runs on. It is imported at this moment and
 * not before: a program that only builds in memory, or in a browser, never
 * loads it, and importing this library needs no permission.
 *
 * @returns A host for relative paths from the working directory.
 *
 * @example Look elsewhere for launchers
 * ```ts
 * import { type BuilderHost, loadDefaultHost, PSPFBuilder } from "@flavor/pspf";
 *
 * const host: BuilderHost = {
 *   ...await loadDefaultHost(),
 *   findLauncher: () =>
 *     Promise.resolve({
 *       path: "/opt/launchers/linux",
 *       target: { os: "linux", arch: "amd64" },
 *     }),
 * };
 * const builder = new PSPFBuilder({ host });
 * ```
 */
export async function loadDefaultHost(): Promise<BuilderHost> {
  const { createBuilderHost } = await import("../host/builder_host.ts");
  return createBuilderHost();
}
