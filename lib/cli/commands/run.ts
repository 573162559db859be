import { PspfError } from "../../errors.ts";
import { openPackage, type VerifyReport } from "../../read/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { readTrustedKeys } from "../trusted_keys.ts";
import { verifyFile } from "../verify_file.ts";

/**
 * `flavor run`: checks every byte of a package with this program, its launcher
 * included, and only then starts it. In a sealed package the seal signs the
 * launcher, so once a trusted key is named its own launcher is as good as ours;
 * an unsealed one is started only without such a promise.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @returns The exit code of the application; 128 + n for signal n.
 * @throws {PspfError} The code of the first check that failed,
 *   `run/cannot-execute`
 */
export async function runRun(
  command: CommandOf<"run">,
  { host, output }: CommandContext,
): Promise<number> {
  const { package: path } = command.operands;
  const trustedKeys = await readTrustedKeys(
    command.flags["trusted-key"],
    host.reader,
  );
  checkArguments(command.rest);
  const program = await host.reader.realPath(path);
  {
    await using source = await host.reader.openSource(program);
    // A named key has to cover the launcher too, and only a seal does that. A
    // variable that asks for less is for the launcher: here nothing is waived.
    const isStrict = trustedKeys !== undefined ||
      host.env.get("FLAVOR_VALIDATION") === "strict";
    const level = isStrict ? "strict" : "standard";
    checkReport(
      path,
      await verifyFile(source, { level, trustedKeys }, output),
    );
    const { metadata } = await openPackage(source, { level });
    output.trace(
      `verified ${metadata.package.name} ${metadata.package.version}`,
    );
  }
  const { code } = await host.processes.runInPlace({
    program,
    args: command.rest,
  });
  return code;
}

function checkReport(path: string, { checks }: VerifyReport): void {
  const failed = checks.find(({ status }) => status === "fail");
  if (failed === undefined) return;
  throw new PspfError(
    failed.code ?? "internal/bug",
    `"${path}" is not started: ${failed.detail}`,
    {
      context: { path, check: failed.id },
      hint: `See every check with: flavor verify ${path}`,
    },
  );
}

/** What the runtime puts in place of bytes that are not UTF-8. */
const REPLACEMENT = "\u{FFFD}";

/** This program gets its arguments as text; passing on a guess would be worse. */
function checkArguments(args: readonly string[]): void {
  const index = args.findIndex((arg) => arg.includes(REPLACEMENT));
  if (index === -1) return;
  throw new PspfError(
    "usage/bad-argument",
    `Argument ${
      index + 1
    } after -- is not UTF-8, and this program cannot pass it on`,
    { hint: "Start the package directly; its launcher passes any bytes" },
  );
}
