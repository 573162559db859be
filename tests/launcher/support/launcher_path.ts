import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";

const ARCH = { x86_64: "amd64", aarch64: "arm64" } as const;

/**
 * Finds the launcher under test: `FLAVOR_TEST_LAUNCHER`, else the one that
 * `scripts/build_launcher` installed.
 *
 * @returns Its absolute path.
 * @throws {Error} When it was not built.
 */
export function launcherPath(): string {
  const given = Deno.env.get("FLAVOR_TEST_LAUNCHER");
  const name = `flavor-rs-launcher-${Deno.build.os}_${ARCH[Deno.build.arch]}`;
  const path = given ??
    fileURLToPath(new URL(`../../../dist/bin/${name}`, import.meta.url));
  if (existsSync(path)) return path;
  throw new Error(
    `There is no launcher at ${path}; build it with: scripts/build_launcher`,
  );
}
