import { encodeHex } from "@std/encoding/hex";

import { checkKeyPair } from "../../crypto/ed25519.ts";
import {
  keyFingerprint,
  keyPairFromSeed,
  parsePublicKey,
} from "../../crypto/mod.ts";
import { MAX_KEY_FILE_SIZE } from "../../crypto/key_file.ts";
import { BlockCompressor } from "../../compress/block_compressor.ts";
import { PspfError } from "../../errors.ts";
import type { Environment } from "../../host/types.ts";
import { parsePlatform, platformName } from "../../launchers/platform.ts";
import type {
  BuildProgress,
  PackSettings,
  SigningKey,
} from "../../pack/mod.ts";
import { type SettledPlan, settlePlan } from "../../pack/build_package.ts";
import {
  defaultOutput,
  defaultWorkenvBase,
  manifestLauncher,
} from "../../pack/pack_manifest.ts";
import {
  type BuildResult,
  packToFile,
  prepareBuild,
  type PreparedBuild,
} from "../../pack/pack_to_file.ts";
import { createSourceOpener } from "../../pack/source_opener.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import type { Output } from "../output.ts";
import { readPackManifest } from "../pack_manifest.ts";
import type { ProgressBar } from "../progress.ts";
import {
  checkStandardOutput,
  STANDARD_OUTPUT,
  standardOutputSink,
} from "../standard_output.ts";
import { formatCount, formatSize, formatTable } from "../text.ts";

type PackFlags = CommandOf<"pack">["flags"];

/** Where the key comes from. */
type KeyOrigin = "file" | "seed" | "ephemeral";

/**
 * `flavor pack`: builds into a temporary file, verifies it, and only then gives
 * it its name; or streams it to the next program.
 */
export async function runPack(
  { flags }: CommandOf<"pack">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { reader } = host;
  const started = host.clock.monotonic();
  const isPiped = flags.output === STANDARD_OUTPUT;
  if (isPiped && !flags["dry-run"]) checkStandardOutput("A package", context);
  const jobs = flags.jobs ?? host.machine.processors;
  using compressor = new BlockCompressor({ jobs });
  // Workers take their time to start, which reading the plan need not wait for.
  if (!flags["dry-run"]) compressor.prepare();
  const manifest = await readPackManifest(flags.manifest, reader);
  const { plan } = manifest;
  const standardOutput = isPiped ? standardOutputSink(context) : undefined;
  const path = reader.absolute(
    isPiped ? defaultOutput(manifest) : flags.output ?? defaultOutput(manifest),
  );
  const key = await chooseKey(flags, host);
  const { "builder-bin": builder, "private-key": privateKey } = flags;
  if (builder !== undefined && !flags.verify) {
    throw usage(
      "--no-verify and --builder-bin cannot be used together: what another program wrote is always verified",
    );
  }
  const openSource = createSourceOpener(reader, {
    manifestDirectory: manifest.directory,
    workenvBase: reader.absolute(
      flags["workenv-base"] ?? defaultWorkenvBase(manifest),
    ),
    output: path,
  });
  using bar = output.progress(LABELS.pack, 0);
  const cacheDirectory = flags["cache-dir"];
  const settings: PackSettings = {
    key: key.key,
    launcher: flags["launcher-bin"] ?? manifestLauncher(manifest, host.env),
    target: flags.target === undefined
      ? undefined
      : parsePlatform(flags.target),
    // The existing builders write what the existing launchers can do.
    portable: flags.portable || builder !== undefined || undefined,
    jobs,
    sourceDateEpoch: sourceDateEpoch(host.env),
    cache: cacheDirectory === undefined ? undefined : {
      directory: cacheDirectory,
      maxSize: flags["cache-size"],
    },
    verify: flags.verify && !isPiped,
    onProgress: showProgress(bar),
  };
  if (flags["dry-run"]) {
    const dry = { ...settings, cache: undefined };
    await using build = await prepareBuild(
      dry,
      openSource,
      () => Promise.resolve(host),
    );
    const settled = await settlePlan(plan, build.options);
    return await showPlan(settled, build, {
      manifest: manifest.path,
      path: standardOutput?.name ?? path,
      origin: key.origin,
    }, output);
  }
  const result = await packToFile(
    {
      plan,
      openSource,
      output: standardOutput ?? path,
      inputs: [manifest.path, privateKey, flags["public-key"]]
        .filter((input) => input !== undefined),
      compressor,
      builder: builder === undefined ? undefined : {
        program: builder,
        logLevel: output.logLevel,
        processes: host.processes,
        onSaid: (text) => output.debug(text),
      },
    },
    settings,
    host,
  );
  bar[Symbol.dispose]();
  logChoices(result, key.origin, output);
  for (const warning of result.warnings) output.warn(warning);
  if (key.origin === "ephemeral") {
    output.note(
      "note: signed with a key made for this build alone; that proves integrity, not origin (see flavor keygen)",
    );
  }
  showResult(result, {
    path: isPiped ? result.path : flags.output ?? path,
    isPiped,
    origin: key.origin,
    elapsedMs: host.clock.monotonic() - started,
  }, output);
}

const ORIGINS: Readonly<Record<KeyOrigin, string>> = {
  file: "from a file",
  seed: "from a seed",
  ephemeral: "made for this build",
};

function logChoices(
  result: BuildResult,
  origin: KeyOrigin,
  output: Output,
): void {
  const { launcher, launcherPath } = result;
  output.debug(
    `launcher "${launcherPath}" for ${platformOf(result)} (${
      formatCount(launcher.size, "byte")
    })`,
  );
  output.debug(`key ${ORIGINS[origin]}, ${result.keyFingerprint}`);
}

function platformOf({ target }: Pick<BuildResult, "target">): string {
  return target === undefined ? "any" : platformName(target);
}

/** The key that the flags name: a file, else a seed, else one for this build. */
async function chooseKey(
  flags: PackFlags,
  { reader, env }: CommandContext["host"],
): Promise<{ readonly key?: SigningKey; readonly origin: KeyOrigin }> {
  const { "private-key": privateKeyPath, "public-key": publicKeyPath } = flags;
  const seed = flags["key-seed"];
  if (privateKeyPath !== undefined) {
    if (seed !== undefined) {
      throw usage("--private-key and --key-seed cannot be used together");
    }
    return { key: { privateKeyPath, publicKeyPath }, origin: "file" };
  }
  if (seed === undefined) {
    if (publicKeyPath === undefined) return { origin: "ephemeral" };
    throw usage("--public-key needs --private-key or --key-seed");
  }
  const named = seed === "env" ? env.get("FLAVOR_KEY_SEED") ?? "" : seed;
  if (named === "") {
    throw usage(
      seed === "env"
        ? "--key-seed env needs FLAVOR_KEY_SEED, which is not set"
        : "--key-seed is empty",
    );
  }
  const key = await keyPairFromSeed(named);
  if (publicKeyPath !== undefined) {
    const file = await reader.readBytes(publicKeyPath, MAX_KEY_FILE_SIZE);
    checkKeyPair(key, parsePublicKey(file));
  }
  return { key, origin: "seed" };
}

const LABELS: Readonly<Record<BuildProgress["stage"], string>> = {
  pack: "packing",
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

function usage(message: string): PspfError {
  return new PspfError("usage/bad-argument", message);
}

interface PlanPlace {
  readonly manifest: string;
  readonly path: string;
  readonly origin: KeyOrigin;
}

/** Shows what would be done; every source has been looked at, none packed. */
async function showPlan(
  { plan, slots, portable, warnings }: SettledPlan,
  { launcher, options }: PreparedBuild,
  { manifest, path, origin }: PlanPlace,
  output: Output,
): Promise<void> {
  const fingerprint = await keyFingerprint(options.keyPair.publicKey);
  const platform = platformOf({ target: options.target });
  const { name, version } = plan.package;
  for (const warning of warnings) output.warn(warning);
  const rows = slots.map(({ spec, operations, files, size }) => ({
    id: spec.id,
    source: spec.source,
    target: spec.target,
    operations: operations.toString(),
    lifecycle: spec.lifecycle,
    files,
    content_size: size,
  }));
  output.result(
    {
      dry_run: true,
      manifest,
      package: path,
      name,
      version,
      platform,
      launcher: launcher?.path ?? null,
      portable,
      key: origin,
      fingerprint: origin === "ephemeral" ? null : fingerprint,
      slots: rows,
    },
    () =>
      [
        formatTable([
          ["package", `${name} ${version}`],
          ["output", path],
          ["platform", platform],
          ["launcher", `${launcher?.path} (${launcher?.chosenBy})`],
          ...(portable
            ? [["profile", "portable: what the existing launchers can do"]]
            : []),
          [
            "key",
            origin === "ephemeral"
              ? "made for this build"
              : `${origin}, ${fingerprint}`,
          ],
        ]),
        "",
        formatTable([
          ["SLOT", "SOURCE", "FILES", "SIZE", "OPERATIONS", "TARGET"],
          ...rows.map((row) => [
            row.id,
            row.source,
            String(row.files),
            formatSize(row.content_size),
            row.operations,
            row.target,
          ]),
        ], [2, 3]),
        "Nothing was written.",
      ].join("\n"),
  );
}

interface ResultFacts {
  readonly path: string;
  readonly isPiped: boolean;
  readonly origin: KeyOrigin;
  readonly elapsedMs: number;
}

/** Says what was packed; beside a package on standard output, as notes. */
function showResult(
  result: BuildResult,
  { path, isPiped, origin, elapsedMs }: ResultFacts,
  output: Output,
): void {
  const { slots, portable, launcher, packageSize, isVerified } = result;
  const platform = platformOf(result);
  const rows = slots.map(({ source, metadata, size, isCached }) => [
    `  ${metadata.id}`,
    metadata.operations,
    formatCount(source.files, "file"),
    formatSize(source.size),
    "->",
    `${formatSize(size)}${isCached ? "  (cached)" : ""}`,
  ]);
  const text = (): string =>
    [
      ...(rows.length === 0 ? [] : [formatTable(rows, [3, 5])]),
      `${output.paint.good("packed")} ${path}  ${
        formatSize(packageSize)
      }  ${platform}  ${isVerified ? "verified" : "not verified"}  ${
        (elapsedMs / 1000).toFixed(1)
      } s`,
    ].join("\n");
  if (isPiped) return output.note(text());
  output.report(
    {
      package: path,
      size: packageSize,
      platform,
      portable,
      launcher: result.launcherPath ?? null,
      launcher_size: launcher.size,
      metadata_size: result.metadataSize,
      metadata_sha256: result.metadataDigest,
      fingerprint: result.keyFingerprint,
      key: origin,
      verified: isVerified,
      slots: slots.map((slot) => ({
        index: slot.metadata.slot,
        id: slot.metadata.id,
        source: slot.metadata.source,
        target: slot.metadata.target,
        operations: slot.metadata.operations,
        files: slot.source.files,
        content_size: slot.source.size,
        original_size: slot.originalSize,
        size: slot.size,
        sha256: encodeHex(slot.digest),
        cached: slot.isCached,
      })),
      warnings: [...result.warnings],
    },
    text,
  );
}
