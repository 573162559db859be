import { join } from "@std/path";

import { checkOutput } from "../../pack/check_output.ts";
import {
  defaultOutput,
  defaultWorkenvBase,
  type ManifestFile,
} from "../../pack/manifest_file.ts";
import {
  type BuildOptions,
  type BuildProgress,
  createSourceOpener,
  openSlotCache,
  settlePlan,
  type SlotCache,
} from "../../pack/mod.ts";
import { writePackage } from "../../pack/write_package.ts";
import { keyFingerprint } from "../../crypto/mod.ts";
import { PspfError } from "../../errors.ts";
import type { Environment } from "../../host/types.ts";
import {
  findLauncher,
  type Launcher,
  parsePlatform,
  platformName,
} from "../../launchers/mod.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import type { Output } from "../output.ts";
import { findPackKey, type KeyOrigin } from "../pack_keys.ts";
import { readPackManifest } from "../pack_manifest.ts";
import { packWithBuilder } from "../pack_with_builder.ts";
import type { ProgressBar } from "../progress.ts";
import { showPlan } from "../show_plan.ts";
import { showReport } from "../show_report.ts";
import {
  checkStandardOutput,
  STANDARD_OUTPUT,
  writeStandardOutput,
} from "../standard_output.ts";
import { formatCount } from "../text.ts";

type PackCommand = CommandOf<"pack">;

/**
 * `flavor pack`: builds into a temporary file, verifies it, and only then gives
 * it its name.
 */
export async function runPack(
  command: PackCommand,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { flags } = command;
  const started = host.clock.monotonic();
  const isPiped = flags.output === STANDARD_OUTPUT && !flags["dry-run"];
  if (isPiped) checkStandardOutput("A package", context);
  const manifest = await readPackManifest(flags.manifest, host.reader);
  const launcher = await chooseLauncher(flags, manifest, context);
  output.debug(
    `launcher "${launcher.path}" for ${
      platformName(launcher.platform)
    } (${launcher.chosenBy}, ${formatCount(launcher.facts.size, "byte")})`,
  );
  const key = await findPackKey({
    privateKey: flags["private-key"],
    publicKey: flags["public-key"],
    seed: flags["key-seed"],
  }, host);
  const fingerprint = await keyFingerprint(key.keyPair.publicKey);
  output.debug(`key ${ORIGINS[key.origin]}, ${fingerprint}`);
  await using cleanup = new AsyncDisposableStack();
  const target = isPiped
    ? join(await makeTemporaryDirectory(host, cleanup), "package.psp")
    : host.reader.absolute(flags.output ?? defaultOutput(manifest));
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
  checkBuilderFlags(flags);
  // The existing builders write what the existing launchers can do.
  const isPortable = flags.portable || flags["builder-bin"] !== undefined;
  const portable = isPortable ? { portable: true } : {};
  await using launcherSource = await host.reader.openSource(launcher.path);
  if (flags["dry-run"]) {
    await using resources = new AsyncDisposableStack();
    const settled = await settlePlan(
      manifest.plan,
      { launcher: launcherSource, openSource, ...portable },
      resources,
    );
    const shown = flags.output === STANDARD_OUTPUT ? STDOUT_NAME : target;
    const plan = { manifest, launcher, key, target: shown, settled };
    return await showPlan(plan, output);
  }

  using bar = output.progress(LABELS.pack, 0);
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
    ? await writePackage(manifest.plan, {
      path: target,
      writer: host.writer,
      build: { ...build, ...portable },
      replace: true,
      verify: flags.verify,
    })
    : await packWithBuilder(manifest.plan, target, {
      builder,
      launcherPath: launcher.path,
      logLevel: output.logLevel,
      build,
    }, context);
  bar[Symbol.dispose]();
  for (const warning of report.warnings) output.warn(warning);
  sayOrigin(key.origin, output);
  if (isPiped) {
    await using packed = await host.reader.openSource(target);
    await writeStandardOutput(packed.stream(0, packed.size), context);
  }
  showReport(
    {
      path: isPiped ? STDOUT_NAME : flags.output ?? target,
      report,
      launcher: launcher.path,
      platform: platformName(launcher.platform),
      keyOrigin: key.origin,
      verified: flags.verify,
      elapsedMs: host.clock.monotonic() - started,
    },
    output,
    isPiped,
  );
}

const STDOUT_NAME = "standard output";

const ORIGINS: Readonly<Record<KeyOrigin, string>> = {
  file: "from a file",
  seed: "from a seed",
  ephemeral: "made for this build",
};

async function makeTemporaryDirectory(
  { writer }: CommandContext["host"],
  cleanup: AsyncDisposableStack,
): Promise<string> {
  const directory = await writer.makeTemporaryDirectory("flavor-pack-");
  cleanup.defer(() => writer.remove(directory));
  return directory;
}

const LABELS: Readonly<Record<BuildProgress["stage"], string>> = {
  pack: "packing",
  write: "writing",
  verify: "verifying",
};

/** Several kinds of work, one after the other, on one line. */
function showProgress(bar: ProgressBar): (progress: BuildProgress) => void {
  let current: BuildProgress["stage"] = "pack";
  return ({ stage, completed, total }) => {
    if (stage !== current) bar.next(LABELS[stage], total);
    current = stage;
    bar.update(completed, total);
  };
}

function checkBuilderFlags(flags: PackCommand["flags"]): void {
  if (flags["builder-bin"] === undefined || flags.verify) return;
  throw new PspfError(
    "usage/bad-argument",
    "--no-verify and --builder-bin cannot be used together: what another program wrote is always verified",
  );
}

/** Slots that did not change since the last build are not compressed again. */
async function slotCacheOption(
  flags: PackCommand["flags"],
  { reader, writer, clock, machine }: CommandContext["host"],
): Promise<{ readonly slotCache?: SlotCache }> {
  const directory = flags["cache-dir"];
  if (directory === undefined) return {};
  const choice = { directory, maxSize: flags["cache-size"] };
  const host = { reader, writer, clock, user: machine.user };
  return { slotCache: await openSlotCache(choice, host) };
}

async function chooseLauncher(
  flags: PackCommand["flags"],
  { plan, directory }: ManifestFile,
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

function sayOrigin(origin: KeyOrigin, output: Output): void {
  if (origin !== "ephemeral") return;
  output.note(
    "note: signed with a key made for this build alone; that proves integrity, not origin (see flavor keygen)",
  );
}
