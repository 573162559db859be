import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";

import { PspfError } from "../errors.ts";
import type { Host, ProcessRunner } from "../host/types.ts";
import { inspectLauncher } from "./inspect_launcher.ts";
import { detectPlatforms, EXECUTABLE_HEAD_SIZE } from "./executable_format.ts";
import { parsePlatform, type Platform, platformName } from "./platform.ts";

/** Language that a helper is written in; each has its own limits. */
export type HelperLanguage = "rust" | "go";
/** What a helper does. */
export type HelperRole = "launcher" | "builder";

/** What a helper's file name says. */
export interface HelperName {
  /** Language. */
  readonly language: HelperLanguage;
  /** Role. */
  readonly role: HelperRole;
  /** Platform it runs on. */
  readonly platform: Platform;
}

/** What a helper's bytes say. */
export interface HelperFacts {
  /** Length in bytes. */
  readonly size: number;
  /** SHA-256 of the file, 64 hexadecimal digits. */
  readonly digest: string;
  /** Platforms that it runs on; empty when it is no known kind of program. */
  readonly platforms: readonly Platform[];
  /**
   * Names of the operations that it can undo, when it is one of our launchers;
   * `undefined` for any other program.
   */
  readonly operations: readonly string[] | undefined;
}

/** A helper that was found. */
export interface Helper extends HelperName {
  /** The file's name. */
  readonly name: string;
  /** The file's path. */
  readonly path: string;
  /** The place that it was found in, for people. */
  readonly place: string;
  /** What its bytes say. */
  readonly facts: HelperFacts;
}

/** A directory that helpers are looked for in. */
export interface HelperPlace {
  /** What it is, for people. */
  readonly label: string;
  /** Its absolute path. */
  readonly path: string;
}

/** Largest launcher or builder that is looked at, in bytes. */
export const MAX_HELPER_SIZE = 256 * 1024 * 1024;
/** A helper answers at once or not at all. */
const TIMEOUT_MS = 5_000;
const NAME_REGEXP =
  /^flavor-(rs|go)-(launcher|builder)-((?:linux|darwin|windows)_(?:amd64|arm64))(?:\.exe)?$/;

/** Reads a helper's file name. */
export function parseHelperName(name: string): HelperName | undefined {
  const [, language, role, platform] = NAME_REGEXP.exec(name) ?? [];
  if (platform === undefined) return undefined;
  return {
    language: language === "rs" ? "rust" : "go",
    role: role === "builder" ? "builder" : "launcher",
    platform: parsePlatform(platform),
  };
}

/** The file name of a helper. */
export function helperFileName(helper: HelperName): string {
  const { language, role, platform } = helper;
  const short = language === "rust" ? "rs" : "go";
  const suffix = platform.os === "windows" ? ".exe" : "";
  return `flavor-${short}-${role}-${platformName(platform)}${suffix}`;
}

/** Where native helpers may be, the first place first. */
export function helperPlaces(
  { env, machine }: Pick<Host, "env" | "machine">,
): readonly HelperPlace[] {
  const { checkout, home, platform } = machine;
  const isWindows = platform.startsWith("windows");
  const named = env.get(isWindows ? "LOCALAPPDATA" : "XDG_DATA_HOME") ?? "";
  const data = named !== ""
    ? named
    : home === undefined
    ? undefined
    : join(home, ".local", "share");
  const places = [
    ["this checkout", checkout && join(checkout, "dist", "bin")],
    ["your data directory", data && join(data, "flavor", "bin")],
  ] as const;
  return places.flatMap(([label, path]) => path ? [{ label, path }] : []);
}

/** Reads a helper once and says what it is; nothing of it is run. */
export async function inspectHelper(
  path: string,
  reader: Pick<Host["reader"], "openSource">,
): Promise<HelperFacts> {
  await using source = await reader.openSource(path);
  const { size } = source;
  if (size > MAX_HELPER_SIZE) {
    throw new PspfError(
      "launcher/wrong-format",
      `"${path}" is too large for a launcher: ${size} bytes, at most ${MAX_HELPER_SIZE}`,
      { context: { path, actual: size, expected: MAX_HELPER_SIZE } },
    );
  }
  const head = await source.read(0, Math.min(size, EXECUTABLE_HEAD_SIZE));
  const { digest, operations } = await inspectLauncher(source);
  return {
    size,
    digest: encodeHex(digest),
    platforms: detectPlatforms(head),
    operations: operations && [...operations],
  };
}

/** Lists the native helpers of this machine. None of them is run. */
export async function listHelpers(
  host: Pick<Host, "env" | "machine" | "reader">,
): Promise<readonly Helper[]> {
  const helpers: Helper[] = [];
  for (const place of helperPlaces(host)) {
    for (const name of await host.reader.list(place.path)) {
      const parsed = parseHelperName(name);
      if (parsed === undefined) continue;
      const path = join(place.path, name);
      const facts = await inspectHelper(path, host.reader);
      helpers.push({ ...parsed, name, path, place: place.label, facts });
    }
  }
  return helpers;
}

/** Asks a helper for its version by running it with `--version`. */
export async function helperVersion(
  path: string,
  processes: ProcessRunner,
): Promise<string | undefined> {
  try {
    const request = { program: path, args: ["--version"] };
    const { code, stdout } = await processes.capture(request, TIMEOUT_MS);
    if (code !== 0) return undefined;
    const line = new TextDecoder().decode(stdout).split("\n")[0]?.trim();
    return line === "" ? undefined : line;
  } catch {
    return undefined;
  }
}

/**
 * Builds this machine's launcher in a checkout, with the same script that
 * `scripts/dev` uses; it says what it does on standard error.
 */
export async function buildHelpers(
  host: Pick<Host, "reader" | "processes" | "machine">,
  force: boolean = false,
): Promise<{ readonly path: string; readonly isNew: boolean }> {
  const { checkout, platform } = host.machine;
  if (checkout === undefined) {
    throw new PspfError(
      "launcher/not-found",
      "Helpers are built from their sources, and flavor does not run from a checkout here",
      {
        hint: "Clone the repository and run: scripts/dev flavor helpers build",
      },
    );
  }
  const script = join(checkout, "scripts", "build_launcher");
  const path = join(
    checkout,
    "dist",
    "bin",
    helperFileName({
      language: "rust",
      role: "launcher",
      platform: parsePlatform(platform),
    }),
  );
  const before = await host.reader.facts(path);
  const { code } = await host.processes.runTool({
    program: script,
    args: force ? [] : ["--if-stale"],
    cwd: checkout,
  });
  const after = await host.reader.facts(path);
  if (code === 0 && after !== undefined) {
    return { path, isNew: after.modifiedMs !== before?.modifiedMs };
  }
  const says = code === 0
    ? `wrote no launcher: "${path}" does not exist`
    : `ended with code ${code}`;
  throw new PspfError(
    "launcher/failed",
    `Nothing was built: "scripts/build_launcher" ${says}`,
    {
      context: { code, script, path },
      hint: code === 0
        ? "FLAVOR_DEV_LAUNCHER=keep forbids it to build; unset it, or use --force"
        : "Its messages above say why; cargo and a C compiler are needed",
    },
  );
}
