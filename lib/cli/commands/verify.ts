import { isPspfError } from "../../errors.ts";
import { shownLocation } from "../../io/open_source.ts";
import type { VerifyCheck } from "../../read/mod.ts";
import { verdictJson } from "../../read/package_json.ts";
import { isTrusted, judgePackage, type Verdict } from "../../read/verdict.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { openInput } from "../open_input.ts";
import type { Output } from "../output.ts";
import { readTrustedKeys } from "../package_file.ts";
import { reportFailure } from "../report_failure.ts";
import { visibleText } from "../text.ts";

const EXIT_VALID = 0;
/** Whatever is wrong with it: the question was whether the package is good. */
const EXIT_INVALID = 4;

/** `flavor verify`: names every check of every package, and who signed it. */
export async function runVerify(
  command: CommandOf<"verify">,
  context: CommandContext,
): Promise<number> {
  const { host, output } = context;
  const { packages } = command.operands;
  const { level, "trusted-key": given } = command.flags;
  const trustedKeys = await readTrustedKeys(given, host.reader);
  const verdicts: Verdict[] = [];
  let unread = EXIT_VALID;
  for (const path of packages) {
    try {
      await using source = await openInput(path, command.flags, context);
      using bar = output.progress("verifying", source.size);
      const verdict = await judgePackage(shownLocation(path), source, {
        level,
        trustedKeys,
        onProgress: bar.add,
      });
      bar[Symbol.dispose]();
      if (!output.json) say(verdict, verdicts.length > 0, output);
      verdicts.push(verdict);
    } catch (error) {
      // The others deserve an answer as well.
      if (packages.length === 1 || !isPspfError(error)) throw error;
      unread = reportFailure(error, output, false);
    }
  }
  const valid = verdicts.every((verdict) => verdict.valid) &&
    unread === EXIT_VALID;
  if (output.json) {
    const list = verdicts.map(verdictJson);
    const all = { valid, level, packages: list };
    output.result(packages.length === 1 ? list[0] ?? null : all, () => "");
  }
  return verdicts.every((verdict) => verdict.valid) ? unread : EXIT_INVALID;
}

function say(verdict: Verdict, isNext: boolean, output: Output): void {
  const { checks, valid } = verdict;
  if (output.quiet && valid) return;
  const shown = output.quiet
    ? checks.filter(({ status }) => status === "fail")
    : checks;
  const gap = isNext && !output.quiet ? [""] : [];
  const lines = [...gap, ...checkLines(shown, output)];
  output.result({}, () => [...lines, verdictLine(verdict, output)].join("\n"));
}

function checkLines(
  checks: readonly VerifyCheck[],
  { paint }: Output,
): readonly string[] {
  const widest = Math.max(...checks.map(({ id }) => id.length));
  const colour = {
    pass: paint.good,
    fail: paint.bad,
    warn: paint.warning,
    skip: paint.faint,
  };
  return checks.flatMap(({ id, status, code, detail, hint }) => {
    const suffix = code === undefined ? "" : ` [${code}]`;
    const line = `${colour[status](status)}  ${id.padEnd(widest)}  ${
      visibleText(detail)
    }${suffix}`;
    return hint === undefined
      ? [line]
      : [line, `      ${paint.strong("hint")}: ${visibleText(hint)}`];
  });
}

function verdictLine(verdict: Verdict, { paint }: Output): string {
  // A name with a line feed could otherwise print a false verdict.
  const name = visibleText(verdict.path);
  return verdict.valid
    ? paint.good(`${name} is valid${whoSigned(verdict)}`)
    : paint.bad(`${name} is NOT valid`);
}

/** Valid may mean little: below "standard", a wrong signature is tolerated. */
function whoSigned(verdict: Verdict): string {
  const { checks, level, signer = "an unknown key" } = verdict;
  const signature = checks.find(({ id }) => id === "signature");
  if (signature?.status !== "pass") {
    return signature?.code === undefined
      ? ` at level "${level}", but whether ${signer} signed it was not checked`
      : ` at level "${level}", but the signature of ${signer} is wrong`;
  }
  return isTrusted(verdict) === true
    ? `, signed by the trusted key ${signer}`
    : `, signed by ${signer}; whether to trust this key was not checked`;
}
