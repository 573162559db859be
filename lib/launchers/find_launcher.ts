import { join } from "@std/path";

import { isPspfError, PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import { BytesSource } from "../io/bytes_source.ts";
import {
  type HelperFacts,
  helperFileName,
  type HelperLanguage,
  helperPlaces,
  inspectHelper,
  inspectHelperSource,
} from "./helpers.ts";
import { KNOWN_LAUNCHERS, type KnownLaunchers } from "./known_launchers.ts";
import {
  type LoadLauncher,
  loadPackagedLauncher,
} from "./packaged_launchers.ts";
import {
  parsePlatform,
  type Platform,
  type PlatformName,
  platformName,
} from "./platform.ts";

/** The package that has launchers as modules. */
const PACKAGE = "@flavor/launchers";

/** A launcher that fits. */
export interface Launcher {
  /** The file, or the module that has it. */
  readonly path: string;
  /** Its bytes, where it is no file. */
  readonly bytes: Uint8Array<ArrayBuffer> | undefined;
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
  /** Launchers that came with this program must have these digests. */
  readonly known?: KnownLaunchers | undefined;
  /** Loads what the package of launchers has. */
  readonly load?: LoadLauncher | undefined;
}

type LauncherHost = Pick<Host, "reader" | "env" | "machine">;

/**
 * Chooses the launcher for a package: the one that the user names, else Rust
 * for the target, on this machine or in the package of launchers, else Go.
 */
export async function findLauncher(
  host: LauncherHost,
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
  const platform = target ?? parsePlatform(host.machine.platform);
  const searched: string[] = [];
  return await search(host, "rust", platform, options, searched) ??
    await takePackaged(platform, options) ??
    await search(host, "go", platform, options, searched) ??
    notFound(host, platform, searched);
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
  return {
    path: host.reader.absolute(path),
    bytes: undefined,
    chosenBy,
    platform,
    facts,
  };
}

function pick(
  platforms: readonly Platform[],
  preferred: Platform,
): Platform | undefined {
  const name = platformName(preferred);
  return platforms.find((one) => platformName(one) === name) ?? platforms[0];
}

async function search(
  { reader, env, machine }: LauncherHost,
  language: HelperLanguage,
  platform: Platform,
  { known = KNOWN_LAUNCHERS }: FindLauncherOptions,
  searched: string[],
): Promise<Launcher | undefined> {
  const ours = known[platformName(platform) as PlatformName];
  const name = helperFileName({ language, role: "launcher", platform });
  for (const place of helperPlaces({ env, machine })) {
    const path = join(place.path, name);
    if (!await isFile(path, reader)) {
      searched.push(`"${path}"`);
      continue;
    }
    const facts = await inspectHelper(path, reader);
    checkPlatform(path, facts, platform);
    const { version } = facts;
    if (!place.isOurs && ours && version && version !== ours.version) {
      // What an earlier flavor has fetched stays there.
      searched.push(`"${path}" (of version ${version})`);
      continue;
    }
    if (place.isOurs) checkKnown(path, facts, platform, known);
    return { path, bytes: undefined, chosenBy: place.label, platform, facts };
  }
  return undefined;
}

/** Without the permission to look there is nothing. */
async function isFile(
  path: string,
  reader: Pick<Host["reader"], "facts">,
): Promise<boolean> {
  try {
    return (await reader.facts(path))?.kind === "file";
  } catch (error) {
    if (isPspfError(error, "io/denied")) return false;
    throw error;
  }
}

async function takePackaged(
  platform: Platform,
  { known, load }: FindLauncherOptions,
): Promise<Launcher | undefined> {
  const name = platformName(platform) as PlatformName;
  const bytes = await loadPackagedLauncher(name, load);
  if (bytes === undefined) return undefined;
  const path = `${PACKAGE}/${name}`;
  const facts = await inspectHelperSource(new BytesSource(bytes, path));
  checkPlatform(path, facts, platform);
  checkKnown(path, facts, platform, known);
  return { path, bytes, chosenBy: PACKAGE, platform, facts };
}

/** Refuses a launcher that is not the one of this version. */
export function checkKnown(
  path: string,
  { digest, version }: Pick<HelperFacts, "digest" | "version">,
  platform: Platform,
  known: KnownLaunchers = KNOWN_LAUNCHERS,
): void {
  const name = platformName(platform) as PlatformName;
  const expected = known[name];
  if (expected?.sha256 === digest && expected.version === version) return;
  throw new PspfError(
    "launcher/wrong-format",
    expected === undefined
      ? `The launcher "${path}" is unknown: this flavor comes with none for ${name}`
      : `The launcher "${path}" is not the one of this flavor: it is ${digest} of version ${
        version ?? "unknown"
      }, expected ${expected.sha256} of ${expected.version}`,
    {
      context: { path, expected: expected?.sha256 ?? null, actual: digest },
      hint:
        "Install flavor again, or name a launcher of your own with --launcher-bin FILE",
    },
  );
}

function notFound(
  host: LauncherHost,
  platform: Platform,
  searched: readonly string[],
): never {
  const name = platformName(platform);
  throw new PspfError(
    "launcher/not-found",
    `No launcher for ${name} was found; looked for ${
      searched.map((place) => `${place}, `).join("")
    }and in the package ${PACKAGE}`,
    {
      context: { platform: name, searched: [...searched] },
      hint: howToGetOne(host, platform),
    },
  );
}

/** A checkout builds, and what is installed fetches from its release. */
function howToGetOne({ machine }: LauncherHost, platform: Platform): string {
  const name = platformName(platform);
  if (machine.checkout === undefined) {
    return `Fetch it with "flavor helpers fetch ${name}", or name one with --launcher-bin FILE`;
  }
  return name === machine.platform
    ? 'Build one with "flavor helpers build", or name one with --launcher-bin FILE'
    : `Build one with "scripts/build_launcher ${name}", or name one with --launcher-bin FILE`;
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
