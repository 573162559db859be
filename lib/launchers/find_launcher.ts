import { join } from "@std/path";

import { PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import {
  type HelperFacts,
  helperFileName,
  helperPlaces,
  inspectHelper,
} from "./helpers.ts";
import { parsePlatform, type Platform, platformName } from "./platform.ts";

/** A launcher that fits. */
export interface Launcher {
  /** The file. */
  readonly path: string;
  /** How it came to be chosen, for people. */
  readonly chosenBy: string;
  /** The platform that it was chosen for. */
  readonly platform: Platform;
  /** What its bytes say. */
  readonly facts: HelperFacts;
}

/** What {@linkcode findLauncher} needs. */
export interface FindLauncherOptions {
  /** The launcher that the user names, if any. */
  readonly given?: string | undefined;
  /** The platform to pack for; that of the launcher given, else this machine's. */
  readonly target?: Platform | undefined;
}

type LauncherHost = Pick<Host, "reader" | "env" | "machine">;

/**
 * Chooses the launcher for a package: the one that the user names, else Rust
 * for the target, else Go for it.
 */
export async function findLauncher(
  host: Pick<Host, "reader" | "env" | "machine">,
  options: FindLauncherOptions = {},
): Promise<Launcher> {
  const { given, target } = options;
  if (given !== undefined) {
    return await useGiven(host, given, "--launcher-bin", target);
  }
  const named = host.env.get("FLAVOR_LAUNCHER_BIN") ?? "";
  if (named !== "") {
    return await useGiven(host, named, "FLAVOR_LAUNCHER_BIN", target);
  }
  return await search(host, target ?? parsePlatform(host.machine.platform));
}

async function useGiven(
  host: LauncherHost,
  path: string,
  chosenBy: string,
  target: Platform | undefined,
): Promise<Launcher> {
  const facts = await inspectHelper(path, host.reader);
  const own = parsePlatform(host.machine.platform);
  const platform = target ?? pick(facts.platforms, own) ?? own;
  checkPlatform(path, facts, platform);
  return { path: host.reader.absolute(path), chosenBy, platform, facts };
}

function pick(
  platforms: readonly Platform[],
  preferred: Platform,
): Platform | undefined {
  const name = platformName(preferred);
  return platforms.find((one) => platformName(one) === name) ?? platforms[0];
}

async function search(
  host: LauncherHost,
  platform: Platform,
): Promise<Launcher> {
  const searched: string[] = [];
  for (const language of ["rust", "go"] as const) {
    const name = helperFileName({ language, role: "launcher", platform });
    for (const place of helperPlaces(host)) {
      const path = join(place.path, name);
      searched.push(path);
      if ((await host.reader.facts(path))?.kind !== "file") continue;
      const facts = await inspectHelper(path, host.reader);
      checkPlatform(path, facts, platform);
      return { path, chosenBy: place.label, platform, facts };
    }
  }
  throw new PspfError(
    "launcher/not-found",
    `No launcher for ${platformName(platform)} was found; looked for ${
      searched.map((path) => `"${path}"`).join(", ")
    }`,
    {
      context: { platform: platformName(platform), searched },
      hint: howToGetOne(host, platform),
    },
  );
}

/** A checkout builds for the machine that it is on, and for no other. */
function howToGetOne({ machine }: LauncherHost, platform: Platform): string {
  if (platformName(platform) !== machine.platform) {
    return "Copy one to a place that was searched, or name one with --launcher-bin FILE";
  }
  return machine.checkout === undefined
    ? "Name one with --launcher-bin FILE or FLAVOR_LAUNCHER_BIN"
    : 'Build one with "flavor helpers build", or name one with --launcher-bin FILE';
}

function checkPlatform(
  path: string,
  facts: HelperFacts,
  target: Platform,
): void {
  const names = facts.platforms.map(platformName);
  if (names.includes(platformName(target))) return;
  const actual = names.length === 0
    ? "not an ELF, Mach-O or PE program for amd64 or arm64"
    : `a program for ${names.join(" and ")}`;
  throw new PspfError(
    "launcher/wrong-format",
    `The launcher "${path}" does not fit ${
      platformName(target)
    }: it is ${actual}`,
    {
      context: { path, expected: platformName(target), actual: names },
      hint: "Choose the launcher for the target platform",
    },
  );
}
