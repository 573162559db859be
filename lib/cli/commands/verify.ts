import type { JsonValue } from "../../errors.ts";
import type { VerifyCheck } from "../../read/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import type { Paint } from "../paint.ts";
import { readTrustedKeys } from "../trusted_keys.ts";
import { verifyFile } from "../verify_file.ts";
import { visibleText } from "../visible_text.ts";

const EXIT_VALID = 0;
/** Whatever is wrong with it: the question was whether the package is good. */
const EXIT_INVALID = 4;

/**
 * `flavor verify`: names every check.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @returns 0 when every check passed, else 4.
 * @throws {PspfError} `io/not-found`, `io/denied`, `crypto/bad-key`
 */
export async function runVerify(
  command: CommandOf<"verify">,
  { host, output }: CommandContext,
): Promise<number> {
  const { package: path } = command.operands;
  const { level, "trusted-key": given } = command.flags;
  const trustedKeys = await readTrustedKeys(given, host.reader);
  await using source = await host.reader.openSource(path);
  const options = { level, trustedKeys };
  const { valid, checks } = await verifyFile(source, options, output);
  output.result(
    { package: path, valid, level, checks: checks.map(checkJson) },
    () => verifyText(path, valid, checks, output.paint),
  );
  return valid ? EXIT_VALID : EXIT_INVALID;
}

/**
 * The JSON form of a check.
 *
 * @param check The check.
 * @returns Id, status, code, detail and hint.
 */
export function checkJson(check: VerifyCheck): JsonValue {
  const { id, status, code, detail, hint } = check;
  return {
    id,
    status,
    ...(code === undefined ? {} : { code }),
    detail,
    ...(hint === undefined ? {} : { hint }),
  };
}

function verifyText(
  path: string,
  valid: boolean,
  checks: readonly VerifyCheck[],
  paint: Paint,
): string {
  const widest = Math.max(...checks.map(({ id }) => id.length));
  const colour: Readonly<
    Record<VerifyCheck["status"], (text: string) => string>
  > = {
    pass: paint.good,
    fail: paint.bad,
    warn: paint.warning,
    skip: paint.faint,
  };
  const lines = checks.flatMap(({ id, status, code, detail, hint }) => {
    const suffix = code === undefined ? "" : ` [${code}]`;
    const line = `${colour[status](status)}  ${id.padEnd(widest)}  ${
      visibleText(detail)
    }${suffix}`;
    return hint === undefined
      ? [line]
      : [line, `      ${paint.strong("hint")}: ${visibleText(hint)}`];
  });
  // A name with a line feed could otherwise print a verdict of its own.
  const name = visibleText(path);
  const verdict = valid
    ? paint.good(`${name} is valid`)
    : paint.bad(`${name} is NOT valid`);
  return [...lines, verdict].join("\n");
}
