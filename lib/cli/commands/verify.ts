import { keyFingerprint } from "../../crypto/mod.ts";
import { isPspfError, type JsonValue } from "../../errors.ts";
import type { RandomAccessSource } from "../../io/random_access_source.ts";
import {
  openPackage,
  type TrustedKey,
  type VerifyCheck,
  type VerifyLevel,
} from "../../read/mod.ts";
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
      verdicts.push(verdict);
      if (!output.json) say(verdict, packages.length, output);
    } catch (error) {
      // The others are worth an answer, too.
      if (packages.length === 1 || !isPspfError(error)) throw error;
      unread = reportFailure(error, output, false);
    }
  }
  const valid = verdicts.every((verdict) => verdict.valid) &&
    unread === EXIT_VALID;
  const [first] = verdicts;
  if (output.json && first !== undefined) {
    const all = verdicts.map(verdictJson);
    output.result(
      packages.length === 1
        ? verdictJson(first)
        : { valid, level, packages: all },
      () => "",
    );
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

function say(verdict: Verdict, of: number, output: Output): void {
  const { checks, valid } = verdict;
  if (output.quiet && valid) return;
  const shown = output.quiet
    ? checks.filter(({ status }) => status === "fail")
    : checks;
  const lines = [...checkLines(shown, output), verdictLine(verdict, output)];
  const gap = of > 1 && !output.quiet ? [""] : [];
  output.result({}, () => [...lines, ...gap].join("\n"));
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
    ? paint.good(`${name} is valid, ${whoSigned(verdict)}`)
    : paint.bad(`${name} is NOT valid`);
}

function whoSigned(verdict: Verdict): string {
  const { checks, signer = "an unknown key" } = verdict;
  const isSigned = checks.some(({ id, status }) =>
    id === "signature" && status === "pass"
  );
  const trust = isTrusted(verdict);
  if (!isSigned) return `but whether ${signer} signed it was not checked`;
  return trust === true
    ? `signed by the trusted key ${signer}`
    : `signed by ${signer}; whether to trust this key was not checked`;
}
