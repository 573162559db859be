import { dirname, join } from "@std/path";

import {
  assemblePackage,
  type BuildOptions,
  type BuildProgress,
  type BuildReport,
  createSourceOpener,
  openSlotCache,
  type SlotCache,
} from "../../build/mod.ts";
import { checkOutput } from "../../build/check_output.ts";
import { PspfError } from "../../errors.ts";
import type { Environment } from "../../host/types.ts";
import type { ByteSink } from "../../io/byte_sink.ts";
import {
  findLauncher,
  type Launcher,
  parsePlatform,
  platformName,
} from "../../launchers/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import type { Output } from "../output.ts";
import { findPackKey, type KeyOrigin, type PackKey } from "../pack_keys.ts";
import {
  defaultOutput,
  type PackManifest,
  readManifest,
} from "../pack_manifest.ts";
import { packWithBuilder } from "../pack_with_builder.ts";
import { parseSize } from "../parse_amount.ts";
import type { ProgressBar } from "../progress_bar.ts";
import { showPlan } from "../show_plan.ts";
import { showReport } from "../show_report.ts";
import { verifyFile } from "../verify_file.ts";

type PackCommand = CommandOf<"pack">;

/**
 * `flavor pack`: builds into a temporary file, verifies it, and only then gives
 * it its name.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `manifest/*`, `launcher/*`, `crypto/*`, `build/*`, `io/*`
 */
export async function runPack(
  command: PackCommand,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { flags } = command;
  const started = host.clock.monotonic();
  const manifest = await readManifest(flags.manifest, host.reader);
  const launcher = await chooseLauncher(flags, manifest, context);
  const key = await findPackKey({
    privateKey: flags["private-key"],
    publicKey: flags["public-key"],
    seed: flags["key-seed"],
  }, host);
  const target = host.reader.absolute(
    flags.output ?? defaultOutput(manifest),
  );
  const { "private-key": privateKey, "public-key": publicKey } = flags;
  for (const input of [manifest.path, launcher.path, privateKey, publicKey]) {
    if (input !== undefined) await checkOutput(host.reader, target, input);
  }
  const openSource = createSourceOpener(host.reader, {
    manifestDirectory: manifest.directory,
    workenvBase: host.reader.absolute(
      flags["workenv-base"] ?? defaultWorkenvBase(manifest),
    ),
    output: target,
  });
  if (flags["dry-run"]) {
    return await showPlan(
      { manifest, launcher, key, target, openSource },
      output,
    );
  }

  checkBuilderFlags(flags);
  await host.writer.makeDirectory(dirname(target));
  await using sink = await host.writer.createSink(target, {
    mode: 0o755,
    replace: true,
  });
  await using launcherSource = await host.reader.openSource(launcher.path);
  using bar = output.progress("packing", 0);
  const build: Omit<BuildOptions, "createSpool"> = {
    launcher: launcherSource,
    keyPair: key.keyPair,
    openSource,
    jobs: flags.jobs ?? host.machine.processors,
    sourceDateEpoch: sourceDateEpoch(host.env),
    target: launcher.platform,
    ...(await slotCacheOption(flags, host)),
    onProgress: showProgress(bar),
  };
  const builder = flags["builder-bin"];
  const report = builder === undefined
    ? await assemblePackage(manifest.plan, sink, {
      ...build,
      createSpool: () => host.writer.createSpool(dirname(target)),
      ...(flags.portable ? { portable: true } : {}),
    })
    : await packWithBuilder(manifest.plan, sink, {
      builder,
      launcherPath: launcher.path,
      logLevel: output.logLevel,
      build,
    }, context);
  bar[Symbol.dispose]();
  for (const warning of report.warnings) output.warn(warning);
  if (flags.verify && builder === undefined) {
    await verifyOwn(sink, report, key, output);
  }
  await sink.commit();
  sayOrigin(key.origin, output);
  showReport(
    {
      path: flags.output ?? target,
      report,
      launcher: launcher.path,
      platform: platformName(launcher.platform),
      keyOrigin: key.origin,
      verified: flags.verify,
      elapsedMs: host.clock.monotonic() - started,
    },
    output,
  );
}

/** Two kinds of work, one after the other, on one line. */
function showProgress(bar: ProgressBar): (progress: BuildProgress) => void {
  let current: BuildProgress["stage"] = "pack";
  return ({ stage, completed, total }) => {
    if (stage !== current) bar.next("writing", total);
    current = stage;
    bar.update(completed, total);
  };
}

function checkBuilderFlags(flags: PackCommand["flags"]): void {
  if (flags["builder-bin"] === undefined || flags.verify) return;
  throw new PspfError(
    "usage/bad-argument",
    "--no-verify and --builder-bin exclude each other: what another program wrote is always verified",
  );
}

/**
 * The existing builders start at the working directory, and so do their JSON
 * manifests. A flavor.toml means the same from wherever it is packed.
 */
function defaultWorkenvBase({ path, directory }: PackManifest): string {
  return path.endsWith(".json") ? "." : directory;
}

/** Slots that did not change since the last build are not compressed again. */
async function slotCacheOption(
  flags: PackCommand["flags"],
  { reader, writer, clock, machine }: CommandContext["host"],
): Promise<{ readonly slotCache?: SlotCache }> {
  const directory = flags["cache-dir"];
  if (directory === undefined) return {};
  const choice = { directory, maxSize: parseSize(flags["cache-size"]) };
  const host = { reader, writer, clock, user: machine.user };
  return { slotCache: await openSlotCache(choice, host) };
}

async function chooseLauncher(
  flags: PackCommand["flags"],
  { plan, directory }: PackManifest,
  { host }: CommandContext,
): Promise<Launcher> {
  const { target } = flags;
  const platform = target === undefined
    ? {}
    : { target: parsePlatform(target) };
  const flag = flags["launcher-bin"];
  if (flag !== undefined) {
    return await findLauncher(host, { given: flag, ...platform });
  }
  // The environment is nearer to the user than the manifest is.
  const named = (host.env.get("FLAVOR_LAUNCHER_BIN") ?? "") === ""
    ? plan.launcher
    : undefined;
  return await findLauncher(
    host,
    named === undefined
      ? platform
      : { given: join(directory, named), ...platform },
  );
}

/** Reproducible builds agree on the time with this variable. */
function sourceDateEpoch(env: Environment): number {
  const text = env.get("SOURCE_DATE_EPOCH") ?? "";
  if (text === "") return 0;
  if (/^[0-9]{1,11}$/.test(text)) return Number(text);
  throw new PspfError(
    "usage/bad-argument",
    `SOURCE_DATE_EPOCH is "${text}", expected whole seconds since 1970`,
    { context: { actual: text } },
  );
}

/** What was written is read back and has to pass every check there is. */
async function verifyOwn(
  sink: ByteSink,
  report: BuildReport,
  { keyPair }: PackKey,
  output: Output,
): Promise<void> {
  await using source = await sink.reopen();
  const { checks } = await verifyFile(source, {
    level: "strict",
    trustedKeys: [keyPair.publicKey],
  }, output);
  const failed = checks.find(({ status }) => status === "fail");
  if (failed === undefined) return;
  throw new PspfError(
    "build/verification-failed",
    `The package that was written does not verify: ${failed.detail}`,
    {
      context: {
        check: failed.id,
        code: failed.code ?? null,
        size: report.packageSize,
      },
      hint: "Check the disk and the memory of this machine, then pack again",
    },
  );
}

function sayOrigin(origin: KeyOrigin, output: Output): void {
  if (origin !== "ephemeral") return;
  output.note(
    "note: signed with a key made for this build alone; that proves integrity, not origin (see flavor keygen)",
  );
}
