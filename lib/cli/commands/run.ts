import { PspfError } from "../../errors.ts";
import { openPackage } from "../../read/open_package.ts";
import type { VerifyReport } from "../../read/mod.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { readTrustedKeys, verifyFile } from "../package_file.ts";

/**
 * `flavor run`: checks every byte of a package with this program, its launcher
 * included, and only then starts it. In a sealed package the seal signs the
 * launcher, so once a trusted key is named its own launcher is as good as ours;
 * an unsealed one is started only without such a promise.
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
    const report = await verifyFile(source, { level, trustedKeys }, output);
    checkReport(path, report);
    const { metadata } = await openPackage(source, { level });
    const { name, version } = metadata.package;
    output.debug(`verified ${name} ${version} at level ${level}`);
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
    } of the application is not UTF-8, and this program cannot pass it on`,
    { hint: "Start the package directly; its launcher passes any bytes" },
  );
}
