import { encodeHex } from "@std/encoding/hex";
import { basename, dirname, join } from "@std/path";

import { keyFingerprint } from "../../crypto/mod.ts";
import { BlockCompressor } from "../../compress/block_compressor.ts";
import type { JsonValue } from "../../errors.ts";
import { PspfError } from "../../errors.ts";
import type { Environment } from "../../host/types.ts";
import { findBuilder, inspectHelper } from "../../launchers/helpers.ts";
import {
  parsePlatform,
  type Platform,
  platformName,
  PLATFORMS,
} from "../../launchers/platform.ts";
import type { BuildProgress, PackSettings } from "../../pack/mod.ts";
import { type SettledPlan, settlePlan } from "../../pack/build_package.ts";
import {
  type BuildResult,
  packToFile,
  prepareBuild,
  type PreparedBuild,
} from "../../pack/pack_to_file.ts";
import type { BuilderManifest } from "../../pack/native_builder.ts";
import { checkOutput } from "../../pack/source_opener.ts";
import {
  findSubject,
  openPackInput,
  type PackInput,
  type Subject,
} from "../../project/pack_input.ts";
import { checkStart } from "../../project/check_start.ts";
import { manifestText } from "../../project/write_manifest.ts";
import { smoke } from "../../project/smoke.ts";
import { writeProjectManifest } from "../../project/write_manifest.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import type { Output } from "../output.ts";
import type { ProgressBar } from "../progress.ts";
import { chooseKey, type ChosenKey, type KeyOrigin } from "../signing_key.ts";
import {
  checkStandardOutput,
  STANDARD_OUTPUT,
  standardOutputSink,
} from "../standard_output.ts";
import { formatCount, formatSize, formatTable } from "../text.ts";

type PackFlags = CommandOf<"pack">["flags"];

/**
 * `flavor pack`: builds into a temporary file, verifies it, and only then gives
 * it its name; or streams it to the next program. One package for each target.
 */
export async function runPack(
  { flags, operands }: CommandOf<"pack">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const isPiped = flags.output === STANDARD_OUTPUT;
  if (isPiped && !flags["dry-run"]) checkStandardOutput("A package", context);
  const isNative = flags["builder-bin"] !== undefined ||
    flags.builder === "native";
  if (isNative && !flags.verify) {
    throw usage(
      `--no-verify and ${
        flags["builder-bin"] === undefined
          ? "--builder native"
          : "--builder-bin"
      } cannot be used together: what another program wrote is always verified`,
    );
  }
  if (flags.manifest !== undefined && operands.path !== undefined) {
    throw usage("PATH and --manifest cannot be used together");
  }
  const targets = targetsOf(flags.target);
  if (targets.length > 1 && flags.output !== undefined) {
    throw usage("--output names one package, and there are several targets");
  }
  const jobs = flags.jobs ?? host.machine.processors;
  using compressor = new BlockCompressor({ jobs });
  // Workers take their time to start, which reading the plan need not wait for.
  if (!flags["dry-run"] && !isNative) compressor.prepare();
  const subject = await findSubject(
    flags.manifest ?? operands.path,
    flags.as,
    host,
  );
  const values: JsonValue[] = [];
  const texts: string[] = [];
  for (const target of targets) {
    const built = await packFor(target, targets.length > 1, {
      subject,
      flags,
      jobs,
      compressor,
    }, context);
    if (isPiped && !flags["dry-run"]) return output.note(built.text());
    values.push(built.value);
    texts.push(built.text());
  }
  const [first = null] = values;
  const value = targets.length > 1 ? { packages: values } : first;
  const show = flags["dry-run"] ? output.result : output.report;
  show(value, () => texts.join("\n"));
}

/** One package as the user is told of it. */
interface Shown {
  readonly value: JsonValue;
  readonly text: () => string;
}

interface PackJob {
  readonly subject: Subject;
  readonly flags: PackFlags;
  readonly jobs: number;
  readonly compressor: BlockCompressor;
}

async function packFor(
  target: Platform | undefined,
  isOneOfSeveral: boolean,
  { subject, flags, jobs, compressor }: PackJob,
  context: CommandContext,
): Promise<Shown> {
  const { host, output } = context;
  const started = host.clock.monotonic();
  const isPiped = flags.output === STANDARD_OUTPUT;
  const isManifest = subject.kind === "manifest";
  await using input = await openPackInput(subject, {
    target: target ?? parsePlatform(host.machine.platform),
    overrides: {
      entry: flags.entry,
      runtime: flags.runtime,
      include: flags.include,
      exclude: flags.exclude,
      allow: permissionsOf(flags),
    },
    workenvBase: flags["workenv-base"],
    output: isPiped ? undefined : flags.output,
    suffix: isOneOfSeveral && target !== undefined
      ? `-${platformName(target)}`
      : "",
    allowSecrets: flags["allow-secrets"],
    say: (text) => output.note(text),
  }, host);
  const key = await chooseKey(flags, input.directory, context);
  const isOwnLauncher = flags["launcher-bin"] === undefined &&
    input.launcher === undefined &&
    (host.env.get("FLAVOR_LAUNCHER_BIN") ?? "") === "";
  const checked = flags.preflight
    ? await checkStart(
      input,
      target ?? (isOwnLauncher ? input.target : undefined),
    )
    : undefined;
  for (const warning of checked?.warnings ?? []) output.warn(warning);
  const standardOutput = isPiped ? standardOutputSink(context) : undefined;
  using bar = output.progress(LABELS.pack, 0);
  const cacheDirectory = flags["cache-dir"];
  const builder = flags["builder-bin"] ??
    (flags.builder === "native" ? await findBuilder(host) : undefined);
  const isOurs = builder !== undefined &&
    (await inspectHelper(builder, host.reader)).isBuilder;
  const settings: PackSettings = {
    key: key.key,
    launcher: flags["launcher-bin"] ?? input.launcher,
    // The binary or the interpreter in a project runs on one platform only.
    target: target ?? (isManifest ? undefined : input.target),
    // The existing builders write what the existing launchers can do.
    portable: flags.portable || (builder !== undefined && !isOurs) || undefined,
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
      input.openSource,
      () => Promise.resolve(host),
    );
    const settled = await settlePlan(input.plan, build.options);
    return await describePlan(settled, build, {
      manifest: subject.path,
      path: standardOutput?.name ?? input.output,
      origin: key.origin,
      document: isManifest ? undefined : manifestText(input.plan),
    }, output);
  }
  await using cleanup = new AsyncDisposableStack();
  const manifest = isOurs
    ? await builderManifest(input, flags, cleanup, host)
    : undefined;
  const write = (path: string): Promise<BuildResult> =>
    packToFile(
      {
        plan: input.plan,
        openSource: input.openSource,
        output: standardOutput ?? path,
        inputs: [...input.inputs, key.path, flags["public-key"]]
          .filter((one) => one !== undefined),
        compressor,
        builder: builder === undefined ? undefined : {
          program: builder,
          logLevel: output.logLevel,
          processes: host.processes,
          onSaid: (text) => output.debug(text),
          manifest,
        },
      },
      settings,
      host,
    );
  const result = flags.smoke === undefined
    ? await write(input.output)
    : await smokeFirst(flags.smoke, input, write, context);
  bar[Symbol.dispose]();
  logChoices(result, key.origin, output);
  for (const warning of result.warnings) output.warn(warning);
  noteKey(key, output);
  const shownPath = isPiped ? result.path : flags.output ?? input.output;
  return showResult(result, {
    path: shownPath,
    needs: checked?.needs ?? [],
    origin: key.origin,
    elapsedMs: host.clock.monotonic() - started,
  }, output);
}

/** flavor's builder reads manifests; for a project, the one that it amounts to. */
async function builderManifest(
  input: PackInput,
  flags: PackFlags,
  cleanup: AsyncDisposableStack,
  host: CommandContext["host"],
): Promise<BuilderManifest> {
  const settings = {
    workenvBase: flags["workenv-base"],
    allowSecrets: flags["allow-secrets"],
  };
  if (input.subject.kind === "manifest") {
    return { path: input.subject.path, ...settings };
  }
  const directory = await host.writer.makeTemporaryDirectory("flavor-project-");
  cleanup.defer(() => host.writer.remove(directory));
  const [path = ""] = await writeProjectManifest(
    { ...input, directory },
    true,
    host,
  );
  return { path, ...settings };
}

/** The package gets its name only when it has run. */
async function smokeFirst(
  args: string,
  input: PackInput,
  write: (path: string) => Promise<BuildResult>,
  { host, output }: CommandContext,
): Promise<BuildResult> {
  const { writer, reader } = host;
  const path = input.output;
  await writer.makeDirectory(dirname(path));
  for (const one of input.inputs) await checkOutput(reader, path, one);
  const draft = await writer.makeTemporaryDirectory(
    join(dirname(path), ".smoke-"),
  );
  try {
    const result = await write(join(draft, basename(path)));
    output.note(`starting it in an empty cache: ${basename(path)} ${args}`);
    await smoke(result, args, host);
    await writer.rename(result.path, path);
    return { ...result, path };
  } finally {
    await writer.remove(draft);
  }
}

function targetsOf(
  names: readonly string[],
): readonly (Platform | undefined)[] {
  if (names.length === 0) return [undefined];
  const all = names.includes("all") ? PLATFORMS : [...new Set(names)];
  return all.map(parsePlatform);
}

function permissionsOf(flags: PackFlags): readonly string[] {
  return Object.entries(flags).flatMap(([name, value]) => {
    if (!name.startsWith("allow-") || name === "allow-secrets") return [];
    if (value === undefined || value === false) return [];
    return [
      value === true || value === "" ? `--${name}` : `--${name}=${value}`,
    ];
  });
}

const ORIGINS: Readonly<Record<KeyOrigin, string>> = {
  file: "from a file",
  stdin: "from standard input",
  environment: "from FLAVOR_PRIVATE_KEY",
  found: "found in keys/",
  seed: "from a seed",
  ephemeral: "made for this build",
};

function noteKey({ origin, path }: ChosenKey, output: Output): void {
  if (origin === "ephemeral") {
    output.note(
      "note: signed with a key made for this build alone; that proves integrity, not origin (see flavor keygen)",
    );
  } else if (origin === "found" || origin === "environment") {
    output.note(`signed with ${path ?? "the key in FLAVOR_PRIVATE_KEY"}`);
  }
}

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
    {
      context: { actual: text },
      hint: "Unset it, or give a number such as $(git log -1 --format=%ct)",
    },
  );
}

function usage(message: string): PspfError {
  return new PspfError("usage/bad-argument", message);
}

interface PlanPlace {
  readonly manifest: string;
  readonly path: string;
  readonly origin: KeyOrigin;
  /** The manifest that `flavor init` would write for a project. */
  readonly document: string | undefined;
}

/** Says what would be done; every source has been looked at, none packed. */
async function describePlan(
  { plan, slots, portable, warnings }: SettledPlan,
  { launcher, options }: PreparedBuild,
  { manifest, path, origin, document }: PlanPlace,
  output: Output,
): Promise<Shown> {
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
  return {
    value: {
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
      document: document ?? null,
    },
    text: () =>
      [
        ...(document === undefined ? [] : [document]),
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
  };
}

interface ResultFacts {
  readonly path: string;
  /** What the machine that starts it has to have. */
  readonly needs: readonly string[];
  readonly origin: KeyOrigin;
  readonly elapsedMs: number;
}

/** Says what was packed. */
function showResult(
  result: BuildResult,
  { path, needs, origin, elapsedMs }: ResultFacts,
  output: Output,
): Shown {
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
      ...(needs.length === 0 ? [] : [`needs  ${needs.join(", ")}`]),
    ].join("\n");
  return {
    value: {
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
      needs: [...needs],
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
  };
}
