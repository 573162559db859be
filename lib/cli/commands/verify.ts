import { keyFingerprint } from "../../crypto/mod.ts";
import { isPspfError, type JsonValue } from "../../errors.ts";
import type { RandomAccessSource } from "../../io/random_access_source.ts";
import { openPackage } from "../../read/open_package.ts";
import type { TrustedKey, VerifyCheck, VerifyLevel } from "../../read/mod.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import type { Output } from "../output.ts";
import { checkJson, readTrustedKeys, verifyFile } from "../package_file.ts";
import { reportFailure } from "../report_failure.ts";
import { visibleText } from "../text.ts";

const EXIT_VALID = 0;
/** Whatever is wrong with it: the question was whether the package is good. */
const EXIT_INVALID = 4;

/** What is known about one package. */
interface Verdict {
  readonly path: string;
  readonly valid: boolean;
  readonly level: VerifyLevel;
  readonly checks: readonly VerifyCheck[];
  /** Fingerprint of the key that is named in the package, where it can be read. */
  readonly signer: string | undefined;
}

/** `flavor verify`: names every check of every package, and who signed it. */
export async function runVerify(
  command: CommandOf<"verify">,
  { host, output }: CommandContext,
): Promise<number> {
  const { packages } = command.operands;
  const { level, "trusted-key": given } = command.flags;
  const trustedKeys = await readTrustedKeys(given, host.reader);
  const verdicts: Verdict[] = [];
  let unread = EXIT_VALID;
  for (const path of packages) {
    try {
      await using source = await host.reader.openSource(path);
      const verdict = await judge(path, source, { level, trustedKeys }, output);
      if (!output.json) say(verdict, verdicts.length > 0, output);
      verdicts.push(verdict);
    } catch (error) {
      // The others are worth an answer, too.
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

async function judge(
  path: string,
  source: RandomAccessSource,
  options: {
    readonly level: VerifyLevel;
    readonly trustedKeys: readonly TrustedKey[] | undefined;
  },
  output: Output,
): Promise<Verdict> {
  const { valid, checks } = await verifyFile(source, options, output);
  const signer = await findSigner(source);
  return { path, valid, level: options.level, checks, signer };
}

async function findSigner(
  source: RandomAccessSource,
): Promise<string | undefined> {
  try {
    const { index } = await openPackage(source, { level: "none" });
    return await keyFingerprint(index.fields.publicKey);
  } catch {
    return undefined;
  }
}

function verdictJson(verdict: Verdict): Record<string, JsonValue> {
  const { path, valid, level, checks, signer } = verdict;
  return {
    package: path,
    valid,
    level,
    fingerprint: signer ?? null,
    trusted: isTrusted(verdict) ?? null,
    checks: checks.map(checkJson),
  };
}

/** Whether the key is one of those given; `undefined` when none was. */
function isTrusted({ checks }: Verdict): boolean | undefined {
  const check = checks.find(({ id }) => id === "trusted-key");
  return check === undefined || check.status === "skip"
    ? undefined
    : check.status === "pass";
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
  // A name with a line feed could otherwise print a verdict of its own.
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
