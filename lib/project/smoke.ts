import { join } from "@std/path";
import { PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import { platformName } from "../launchers/platform.ts";
import { splitWords } from "../manifest/split_words.ts";
import type { BuildResult } from "../pack/pack_to_file.ts";

/** A program that answers to `--version` does so in seconds; a first start fills a cache. */
const TIMEOUT_MS = 5 * 60 * 1000;

/** Starts a package with an empty cache and nothing in its environment; it has to succeed. */
export async function smoke(
  { path, target }: Pick<BuildResult, "path" | "target">,
  args: string,
  { machine, processes, writer }: Pick<
    Host,
    "machine" | "processes" | "writer"
  >,
): Promise<void> {
  if (target !== undefined && platformName(target) !== machine.platform) {
    throw new PspfError(
      "usage/bad-argument",
      `--smoke cannot start a package for ${
        platformName(target)
      } on ${machine.platform}`,
      { hint: "Leave it out, and start the package where it belongs" },
    );
  }
  const cache = await writer.makeTemporaryDirectory("flavor-smoke-");
  try {
    const { code, stdout, stderr } = await processes.capture({
      program: path,
      args: splitWords(args) ?? [args],
      cwd: cache,
      env: { FLAVOR_CACHE: join(cache, "cache") },
      clearEnv: true,
    }, TIMEOUT_MS);
    if (code === 0) return;
    const text = new TextDecoder();
    const said = `${text.decode(stdout)}${text.decode(stderr)}`.trimEnd();
    throw new PspfError(
      "build/failed",
      `The package was built, but it does not start: exit code ${code}\n  ${
        said.split("\n").slice(-15).join("\n  ")
      }`,
      {
        context: { exit_code: code, args, said },
        hint: "Nothing was written; see what the application says above",
      },
    );
  } finally {
    await writer.remove(cache);
  }
}
