import { join } from "@std/path";

import { PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import { checkKnown } from "../launchers/find_launcher.ts";
import {
  helperDirectory,
  helperFileName,
  inspectHelperSource,
} from "../launchers/helpers.ts";
import {
  KNOWN_LAUNCHERS,
  type KnownLaunchers,
} from "../launchers/known_launchers.ts";
import {
  parsePlatform,
  type PlatformName,
  PLATFORMS,
} from "../launchers/platform.ts";
import { TOOL_VERSION } from "../pack/tool_version.ts";
import { fetchFile, releasesUrl } from "./signed_release.ts";

/** A launcher that was fetched. */
export interface FetchedLauncher {
  readonly path: string;
  readonly size: number;
  readonly sha256: string;
}

/**
 * Fetches launchers of this version into the user's data directory. What
 * arrives has to have the digests that this program knows.
 */
export async function fetchLaunchers(
  host: Pick<Host, "writer" | "env" | "machine">,
  wanted: PlatformName | "all",
  known: KnownLaunchers = KNOWN_LAUNCHERS,
): Promise<readonly FetchedLauncher[]> {
  const directory = helperDirectory(host);
  if (directory === undefined) {
    throw new PspfError(
      "io/not-found",
      "There is no home directory to keep launchers in",
      { hint: "Set XDG_DATA_HOME, or LOCALAPPDATA on Windows" },
    );
  }
  const names = wanted === "all" ? PLATFORMS : [wanted];
  const missing = names.filter((name) => known[name] === undefined);
  if (missing.length > 0) {
    throw new PspfError(
      "launcher/not-found",
      `This flavor knows no released launcher for ${missing.join(", ")}`,
      {
        context: { platforms: missing },
        hint: 'Build it in a checkout: "scripts/build_launcher"',
      },
    );
  }
  const fetched: FetchedLauncher[] = [];
  await host.writer.makeDirectory(directory);
  for (const name of names) {
    fetched.push(await fetchOne(name, directory, known, host));
  }
  return fetched;
}

async function fetchOne(
  name: PlatformName,
  directory: string,
  known: KnownLaunchers,
  { writer, env }: Pick<Host, "writer" | "env">,
): Promise<FetchedLauncher> {
  const platform = parsePlatform(name);
  const file = helperFileName({ language: "rust", role: "launcher", platform });
  const url = `${releasesUrl(env)}/download/v${TOOL_VERSION}/${file}`;
  const path = join(directory, file);
  await using sink = await writer.createSink(path, {
    mode: 0o755,
    replace: true,
  });
  const limit = known[name]?.size ?? 0;
  await fetchFile(url, limit, (chunk) => sink.write(chunk));
  await using source = await sink.reopen();
  const { digest, size, version } = await inspectHelperSource(source);
  checkKnown(url, { digest, version }, platform, known);
  await sink.commit();
  return { path, size, sha256: digest };
}
