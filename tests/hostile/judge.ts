/** Compares what was said about a case with what has to be said. @module */

import type { HostileCase } from "./hostile_case.ts";
import type { Outcome } from "./readers/outcome.ts";

/** What both readers said about one case. */
export interface Verdicts {
  readonly typescript: { readonly verify: Outcome; readonly extract: Outcome };
  readonly launcher: { readonly verify: Outcome; readonly start: Outcome };
}

/**
 * Finds everything that is wrong with the verdicts.
 *
 * @param hostile The case.
 * @param verdicts What the readers said.
 * @returns Complaints; empty when all is well.
 */
export function judge(
  hostile: HostileCase,
  verdicts: Verdicts,
): readonly string[] {
  const { typescript, launcher } = verdicts;
  const named: readonly (readonly [string, Outcome])[] = [
    ["TypeScript verify", typescript.verify],
    ["TypeScript extract", typescript.extract],
    ["launcher verify", launcher.verify],
    ["launcher start", launcher.start],
  ];
  const crashes = named.filter(([, { verdict }]) => verdict === "crash")
    .map(([who, { code, detail }]) =>
      `${who} crashed (${code}): ${shorten(detail)}`
    );
  if (crashes.length > 0 || hostile.expect.verdict === "any") return crashes;
  return [
    ...compareVerify(verdicts),
    ...compareContent(hostile, verdicts),
    ...expected(hostile, named),
  ];
}

/** The launcher's `verify` decodes the slots as well, so that it may see what only extracting finds here. */
function compareVerify(
  { typescript: { verify, extract }, launcher }: Verdicts,
): string[] {
  const complaints = compare("verify", verify, launcher.verify);
  const sawMore = verify.verdict === "accept" &&
    compare("verify", extract, launcher.verify).length === 0;
  return sawMore ? [] : complaints;
}

/**
 * A first start is as strict as `verify` and `extract` together. Starting a program can fail where both cannot, which is no
 * disagreement about the package.
 */
function compareContent(
  hostile: HostileCase,
  { typescript: { verify, extract }, launcher: { start } }: Verdicts,
): string[] {
  const isAboutStart = hostile.expect.stage === "run" ||
    start.code.startsWith("run/");
  if (isAboutStart) return [];
  const isNamed = (outcome: Outcome): boolean =>
    outcome.verdict === "refuse" && hostile.expect.codes.includes(outcome.code);
  if (isNamed(start) && isNamed(extract)) return [];
  // Whoever of the two refuses, the start has to; of two reasons either will do.
  const refusals = [verify, extract].filter(({ verdict }) =>
    verdict === "refuse"
  );
  const complaints = (refusals.length > 0 ? refusals : [extract]).map((one) =>
    compare("verify and extract/start", one, start)
  );
  return complaints.some((found) => found.length === 0)
    ? []
    : complaints.flat();
}

function compare(
  what: string,
  typescript: Outcome,
  launcher: Outcome,
): string[] {
  if (
    typescript.verdict === launcher.verdict &&
    family(typescript) === family(launcher)
  ) return [];
  return [
    `${what}: TypeScript says ${show(typescript)}, the launcher ${
      show(launcher)
    }`,
  ];
}

/** The outcomes that the case speaks about. */
function expected(
  { expect }: HostileCase,
  named: readonly (readonly [string, Outcome])[],
): string[] {
  if (expect.verdict === "agree") return [];
  const about = named.filter(([who]) => {
    if (expect.verdict === "accept" || expect.stage === "open") return true;
    if (who === "launcher start") return true;
    return expect.stage !== "run" &&
      who.endsWith("verify") === (expect.stage === "verify");
  });
  return about.filter((
    [, { verdict, code }],
  ) =>
    verdict !== expect.verdict ||
    (verdict === "refuse" && expect.codes.length > 0 &&
      !expect.codes.includes(code))
  ).map(([who, outcome]) =>
    `${who}: ${show(outcome)}, expected ${expect.verdict} ${
      expect.codes.join(" or ")
    }`
  );
}

function family({ code }: Outcome): string {
  return code.split("/")[0] ?? "";
}

function show({ verdict, code, detail }: Outcome): string {
  return verdict === "accept" ? "accept" : `${code} (${shorten(detail)})`;
}

function shorten(text: string): string {
  const line = text.trim().replaceAll("\n", " ");
  return line.length > 160 ? `${line.slice(0, 157)}...` : line;
}
