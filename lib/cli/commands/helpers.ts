import { basename, join } from "@std/path";

import { isPspfError, type JsonValue, PspfError } from "../../errors.ts";
import {
  buildHelpers,
  type Helper,
  type HelperFacts,
  type HelperName,
  helperPlaces,
  helperVersion,
  inspectHelper,
  listHelpers,
  parseHelperName,
} from "../../launchers/helpers.ts";
import { platformName } from "../../launchers/platform.ts";
import { findNearestName } from "../../manifest/nearest_name.ts";
import { testLauncher } from "../../pack/test_launcher.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { formatCount, formatSize, formatTable } from "../text.ts";

const EXIT_PASSED = 0;
/** A tool failed. */
const EXIT_FAILED = 6;

/** `flavor helpers list`. Helpers for this machine are asked for their versions. */
export async function runHelpersList(
  _command: CommandOf<"helpers list">,
  { host, output }: CommandContext,
): Promise<void> {
  const helpers = await Array.fromAsync(
    await listHelpers(host),
    async (helper) => ({ helper, version: await askVersion(helper, host) }),
  );
  output.result(
    {
      helpers: helpers.map(({ helper, version }) => ({
        ...helperJson(helper),
        version: version ?? null,
      })),
    },
    () =>
      helpers.length === 0
        ? [
          "No helpers were found. Looked in:",
          ...helperPlaces(host).map((place) => `  ${place.path}`),
          'Build one with "flavor helpers build" in a checkout.',
        ].join("\n")
        : formatTable([
          ["NAME", "PLATFORM", "VERSION", "SIZE", "SHA-256", "PATH"],
          ...helpers.map(({ helper, version }) => [
            helper.name,
            platformName(helper.platform),
            version ?? "unknown",
            formatSize(helper.facts.size),
            helper.facts.digest.slice(0, 16),
            helper.path,
          ]),
        ], [3]),
  );
}

/** A helper, or any file that somebody takes for one. */
interface Found extends Partial<HelperName> {
  readonly name: string;
  readonly path: string;
  /** Where it was found, if that is a place for helpers. */
  readonly place?: string;
  readonly facts: HelperFacts;
}

/**
 * `flavor helpers info NAME`. A helper for this machine is asked for its
 * version; no other program is ever run.
 */
export async function runHelpersInfo(
  command: CommandOf<"helpers info">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const helper = await findHelper(command.operands.helper, context);
  // Whatever lies somewhere else is only looked at.
  const version = helper.place === undefined
    ? undefined
    : await askVersion(helper, host);
  const { facts } = helper;
  output.result(
    { ...helperJson(helper), version: version ?? null },
    () =>
      formatTable([
        ["name", helper.name],
        ["path", helper.path],
        ["language", helper.language ?? "unknown"],
        ["role", helper.role ?? "unknown"],
        ["runs on", runsOn(facts) || "nothing that is known"],
        ["version", version ?? "unknown"],
        ["size", formatCount(facts.size, "byte")],
        ["sha256", facts.digest],
        ["operations", facts.operations?.join(", ") ?? "unknown"],
      ]),
  );
}

async function findHelper(
  wanted: string,
  { host }: CommandContext,
): Promise<Found> {
  const helpers = await listHelpers(host);
  const path = host.reader.absolute(wanted);
  const known = helpers.find((one) => one.name === wanted) ??
    helpers.find((one) => one.path === path);
  if (known !== undefined) return known;
  if ((await host.reader.facts(path))?.kind === "file") {
    const facts = await inspectHelper(path, host.reader);
    const name = basename(path);
    // Only our launchers say what they can undo.
    const ours = facts.operations && {
      language: "rust",
      role: "launcher",
    } as const;
    return { ...ours, ...parseHelperName(name), name, path, facts };
  }
  const nearest = findNearestName(wanted, helpers.map(({ name }) => name));
  throw new PspfError(
    "launcher/not-found",
    `No helper "${wanted}", and no such file`,
    {
      context: { helper: wanted },
      hint: nearest === undefined
        ? 'See "flavor helpers list"'
        : `Did you mean "${nearest}"?`,
    },
  );
}

/** `flavor helpers build`: says what it built, and fails when that is nothing. */
export async function runHelpersBuild(
  command: CommandOf<"helpers build">,
  { host, output }: CommandContext,
): Promise<void> {
  const { path, isNew } = await buildHelpers(host, command.flags.force);
  const { size } = await inspectHelper(path, host.reader);
  output.report(
    { path, built: isNew, size },
    () =>
      isNew
        ? `built ${path}  ${formatSize(size)}`
        : `up to date: ${path}  ${formatSize(size)}  (--force builds it again)`,
  );
}

/** `flavor helpers clean`: removes what was built here, and nothing that has another name. */
export async function runHelpersClean(
  _command: CommandOf<"helpers clean">,
  { host, output }: CommandContext,
): Promise<void> {
  const { checkout } = host.machine;
  if (checkout === undefined) {
    throw new PspfError(
      "launcher/not-found",
      "Helpers are built in a checkout, and flavor does not run from one here",
    );
  }
  const directory = join(checkout, "dist", "bin");
  const removed = (await host.reader.list(directory))
    .filter((name) => parseHelperName(name) !== undefined)
    .map((name) => join(directory, name));
  for (const path of removed) await host.writer.remove(path);
  output.report(
    { removed },
    () =>
      removed.length === 0
        ? "Nothing to remove"
        : removed.map((path) => `removed ${path}`).join("\n"),
  );
}

/** What became of one helper. */
interface HelperVerdict {
  readonly helper: Helper;
  readonly status: "pass" | "fail" | "skip";
  readonly detail: string;
}

/**
 * `flavor helpers test`: packs and runs a tiny package with each launcher that
 * runs on this machine, and asks each builder for its version. Those for other
 * platforms are named and skipped.
 */
export async function runHelpersTest(
  _command: CommandOf<"helpers test">,
  { host, output }: CommandContext,
): Promise<number> {
  const verdicts: HelperVerdict[] = [];
  for (const helper of await listHelpers(host)) {
    verdicts.push(await testHelper(helper, host));
  }
  const tested = verdicts.filter(({ status }) => status !== "skip");
  if (tested.length === 0) throw nothingToTest(verdicts, host.machine.platform);
  const passed = tested.every(({ status }) => status === "pass");
  output.result(
    {
      passed,
      helpers: verdicts.map(({ helper, status, detail }) => ({
        name: helper.name,
        path: helper.path,
        role: helper.role,
        platform: platformName(helper.platform),
        status,
        detail,
      })),
    },
    () => {
      const { good, bad, faint } = output.paint;
      const colour = { pass: good, fail: bad, skip: faint };
      const lines = formatTable(
        verdicts.map(({ helper, detail }) => [helper.name, detail]),
      ).split("\n");
      return verdicts.map(({ status }, index) =>
        `${colour[status](status)}  ${lines[index] ?? ""}`
      ).join("\n");
    },
  );
  return passed ? EXIT_PASSED : EXIT_FAILED;
}

async function testHelper(
  helper: Helper,
  host: CommandContext["host"],
): Promise<HelperVerdict> {
  const { platform } = host.machine;
  if (!runsHere(helper.facts, platform)) {
    const platforms = runsOn(helper.facts);
    const detail = platforms === ""
      ? "no program that is known"
      : `runs on ${platforms}, this is ${platform}`;
    return { helper, status: "skip", detail };
  }
  try {
    return { helper, status: "pass", detail: await exercise(helper, host) };
  } catch (error) {
    if (!isPspfError(error)) throw error;
    return { helper, status: "fail", detail: error.message };
  }
}

async function exercise(
  helper: Helper,
  host: CommandContext["host"],
): Promise<string> {
  if (helper.role === "launcher") {
    const { first, second } = await testLauncher(helper, host);
    return `a package started in ${first.toFixed(0)} ms, then in ${
      second.toFixed(0)
    } ms`;
  }
  const version = await helperVersion(helper.path, host.processes);
  if (version !== undefined) return version;
  throw new PspfError(
    "launcher/failed",
    `"${helper.path}" does not answer --version`,
  );
}

function nothingToTest(
  skipped: readonly HelperVerdict[],
  platform: string,
): PspfError {
  const names = skipped.map(({ helper }) => helper.name);
  return new PspfError(
    "launcher/not-found",
    `There is no helper for ${platform} to test${
      names.length === 0 ? "" : `; skipped ${names.join(", ")}`
    }`,
    {
      context: { platform, skipped: names },
      hint: 'Build one with "flavor helpers build" in a checkout',
    },
  );
}

/** The first line of `--version`, of a helper that runs on this machine. */
async function askVersion(
  { path, facts }: Found,
  { machine, processes }: CommandContext["host"],
): Promise<string | undefined> {
  return runsHere(facts, machine.platform)
    ? await helperVersion(path, processes)
    : undefined;
}

function runsHere({ platforms }: HelperFacts, platform: string): boolean {
  return platforms.map(platformName).includes(platform);
}

function runsOn({ platforms }: HelperFacts): string {
  return platforms.map(platformName).join(" and ");
}

function helperJson(helper: Found): Record<string, JsonValue> {
  const { name, path, language, role, platform, facts } = helper;
  return {
    name,
    path,
    language: language ?? null,
    role: role ?? null,
    platform: platform ? platformName(platform) : null,
    runs_on: facts.platforms.map(platformName),
    size: facts.size,
    sha256: facts.digest,
    operations: facts.operations ?? null,
  };
}
