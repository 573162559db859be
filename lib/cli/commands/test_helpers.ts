import { isPspfError, type JsonValue, PspfError } from "../../errors.ts";
import {
  type Helper,
  helperVersion,
  listHelpers,
  platformName,
} from "../../launchers/mod.ts";
import { testLauncher } from "../../pack/test_launcher.ts";
import type { CommandContext } from "../command_context.ts";
import { formatTable } from "../format_table.ts";

const EXIT_PASSED = 0;
/** A tool failed. */
const EXIT_FAILED = 6;

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
 *
 * @param context Host and output.
 * @returns 0 when every test passed, else 6.
 * @throws {PspfError} `launcher/not-found` when there is nothing to test
 */
export async function runHelpersTest(
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
    { passed, helpers: verdicts.map(verdictJson) },
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
  const platforms = helper.facts.platforms.map(platformName);
  if (!platforms.includes(host.machine.platform)) {
    return {
      helper,
      status: "skip",
      detail: platforms.length === 0
        ? "no program that is known"
        : `runs on ${
          platforms.join(" and ")
        }, this is ${host.machine.platform}`,
    };
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

function verdictJson({ helper, status, detail }: HelperVerdict): JsonValue {
  return {
    name: helper.name,
    path: helper.path,
    role: helper.role,
    platform: platformName(helper.platform),
    status,
    detail,
  };
}
