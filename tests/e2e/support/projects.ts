import { assertEquals } from "@std/assert";
import { fromFileUrl, join } from "@std/path";

import { type TempDir, tempDir } from "../../support/temp_dir.ts";
import { flavor, type Outcome, run } from "./processes.ts";

const ROOT = fromFileUrl(new URL("../../..", import.meta.url));
/** Downloads and interpreters stay here from run to run. */
const CACHE = join(ROOT, ".dev", "projects");

/** What packing a project in a test inherits: nothing is written outside of the checkout. */
export const PACK_ENV: Readonly<Record<string, string>> = {
  FLAVOR_CACHE: join(CACHE, "flavor"),
  XDG_DATA_HOME: join(CACHE, "data"),
  UV_CACHE_DIR: join(CACHE, "uv"),
  npm_config_cache: join(CACHE, "npm"),
};

/** Launchers of other platforms are not built here; the first bytes of one will do. */
export const ARM_LAUNCHER = ((): Uint8Array => {
  const bytes = new Uint8Array(256);
  bytes.set([0x7f, 0x45, 0x4c, 0x46, 2, 1, 1]);
  bytes[18] = 183;
  const marker = "flavor-rs-launcher/1 pspf-2025 ops=none,raw,tar,gzip,zstd;";
  bytes.set(new TextEncoder().encode(marker), 64);
  return bytes;
})();

/** Copies an example, because packing writes beside it. */
export async function projectCopy(name: string): Promise<TempDir> {
  const dir = await tempDir();
  const from = join(ROOT, "examples", name);
  const { code } = await run("cp", ["-R", `${from}/.`, dir.path]);
  assertEquals(code, 0);
  return dir;
}

/** The prefix of the Python on PATH. */
export async function pythonPrefix(): Promise<string> {
  const { stdout } = await run("python3", [
    "-c",
    "import sys; print(sys.base_prefix)",
  ]);
  return stdout.trim();
}

/** Packs the project in a directory; it has to succeed. */
export async function packIn(
  dir: TempDir,
  ...args: readonly string[]
): Promise<Outcome> {
  const outcome = await flavor(["pack", "--key-seed", "test", ...args], {
    cwd: dir.path,
    env: PACK_ENV,
  });
  assertEquals(outcome.code, 0, outcome.stderr + outcome.stdout);
  return outcome;
}

/** Starts a package with nothing in its environment but a cache of its own. */
export async function startBare(
  path: string,
  args: readonly string[],
  cache: string,
): Promise<Outcome> {
  return await run("env", ["-i", `FLAVOR_CACHE=${cache}`, path, ...args], {
    cwd: "/",
  });
}

/** Names and versions of the libraries that a package says it is made of. */
export async function librariesOf(path: string): Promise<readonly string[]> {
  const { code, stdout, stderr } = await flavor(["sbom", path]);
  assertEquals(code, 0, stderr);
  const { components } = JSON.parse(stdout) as {
    readonly components: readonly {
      readonly type: string;
      readonly name: string;
      readonly version: string;
    }[];
  };
  return components.filter(({ type }) => type === "library")
    .map(({ name, version }) =>
      `${name.toLowerCase().replaceAll("_", "-")}==${version}`
    ).sort();
}
