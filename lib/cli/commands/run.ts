import { PspfError } from "../../errors.ts";
import { keyFingerprint } from "../../crypto/mod.ts";
import { remoteUrl, shownLocation } from "../../io/open_source.ts";
import type { RandomAccessSource } from "../../io/random_access_source.ts";
import { openPackage } from "../../read/open_package.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { fetchPackage } from "../fetch_package.ts";
import { checkValid, readTrustedKeys, verifyFile } from "../package_file.ts";

/**
 * `flavor run`: checks every byte of a package with this program, its launcher
 * included, and only then starts it. In a sealed package the seal signs the
 * launcher, so once a trusted key is named its own launcher is as good as ours;
 * an unsealed one is started only without such a promise.
 */
export async function runRun(
  command: CommandOf<"run">,
  context: CommandContext,
): Promise<number> {
  const { host, output } = context;
  const { package: path } = command.operands;
  const shown = shownLocation(path);
  const trustedKeys = await readTrustedKeys(
    command.flags["trusted-key"],
    host.reader,
  );
  checkArguments(command.rest);
  // A named key has to cover the launcher too, and only a seal does that. A
  // variable that asks for less is for the launcher: here nothing is waived.
  const isStrict = trustedKeys !== undefined ||
    host.env.get("FLAVOR_VALIDATION") === "strict";
  const options = {
    level: isStrict ? "strict" : "standard",
    trustedKeys,
  } as const;
  const check = async (source: RandomAccessSource): Promise<void> => {
    checkValid(shown, "started", await verifyFile(source, options, output));
    const { metadata, index } = await openPackage(source, options);
    const { name, version } = metadata.package;
    output.debug(`verified ${name} ${version} at level ${options.level}`);
    if (!isRemote || trustedKeys !== undefined) return;
    const signer = await keyFingerprint(index.fields.publicKey);
    output.warn(
      `no trusted key was given: ${shown} is intact, but whether to trust its signer ${signer} was not checked`,
    );
  };
  const isRemote = remoteUrl(path) !== undefined;
  const program = isRemote
    ? await fetchPackage(path, command.flags, options, check, context)
    : await host.reader.realPath(path);
  if (!isRemote) {
    await using source = await host.reader.openSource(program);
    await check(source);
  }
  const { code } = await host.processes.runInPlace({
    program,
    args: command.rest,
  });
  return code;
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
