/** The Deno that goes into our own executables, from the npm registry. */

import { chmodSync, existsSync, mkdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { runChecked } from "./run_checked.ts";

/** Deno's packages in the npm registry, by our names of platforms. */
const PACKAGES: Readonly<Record<string, string>> = {
  linux_amd64: "@deno/linux-x64-glibc",
  linux_arm64: "@deno/linux-arm64-glibc",
  darwin_amd64: "@deno/darwin-x64",
  darwin_arm64: "@deno/darwin-arm64",
  windows_amd64: "@deno/win32-x64",
  windows_arm64: "@deno/win32-arm64",
};

/** Fetches the runtime for a platform once; npm checks its digest. */
export async function fetchRuntime(
  target: string,
  version: string,
  cache: string,
): Promise<string> {
  const program = target.startsWith("windows") ? "deno.exe" : "deno";
  const directory = join(cache, `deno-${version}-${target}`);
  const path = join(directory, program);
  if (existsSync(path)) return path;
  const work = `${directory}.${Deno.pid}`;
  mkdirSync(work, { recursive: true });
  try {
    const [archive = ""] = (await runChecked("npm", [
      ...["pack", "--loglevel=error", "--pack-destination", work],
      `${PACKAGES[target]}@${version}`,
    ], { cwd: work })).trim().split("\n").slice(-1);
    await runChecked("tar", [
      ...["-xzf", join(work, archive), "-C", work, "--strip-components=1"],
      `package/${program}`,
    ]);
    rmSync(join(work, archive));
    chmodSync(join(work, program), 0o755);
    renameSync(work, directory);
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  return path;
}
