import { dirname } from "@std/path";
import type { BlockCompressor } from "../compress/block_compressor.ts";
import { BlobSource } from "../io/blob_source.ts";
import type { ByteSink } from "../io/byte_sink.ts";
import { borrowSource } from "../io/borrow_source.ts";
import { BytesSource } from "../io/bytes_source.ts";
import { pathOf } from "../io/open_source.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { findLauncher, type Launcher } from "../launchers/find_launcher.ts";
import { parsePlatform, type Platform } from "../launchers/platform.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { type BlockCacheChoice, openBlockCache } from "./block_cache.ts";
import {
  type BuildOptions,
  type BuildReport,
  writePackage,
} from "./build_package.ts";
import { resolveKey, type SigningKey } from "./key_files.ts";
import { type NativeBuilder, writeWithBuilder } from "./native_builder.ts";
import type { PackHost } from "./pack_host.ts";
import type { SourceOpener } from "./slot_source.ts";
import { checkOutput } from "./source_opener.ts";
import { verifyWritten } from "./verify_written.ts";

/**
 * The program at the front of a package: its bytes, its path, or the platform
 * to find one for, as `linux_arm64` or as `{ os, arch }`.
 */
export type LauncherInput =
  | Uint8Array
  | Blob
  | RandomAccessSource
  | URL
  | string
  | Platform;

/** Settings of a build that say nothing about the package's content. */
export interface PackSettings extends
  Pick<
    BuildOptions,
    "jobs" | "portable" | "sourceDateEpoch" | "onProgress" | "signal"
  > {
  /** The key to sign with; one is made for each build when there is none. */
  readonly key?: SigningKey | undefined;
  /** The program at the front; this machine's when there is none. */
  readonly launcher?: LauncherInput | undefined;
  /**
   * Platform to record for a launcher that is given as bytes; a launcher with
   * a path or a platform says it itself.
   */
  readonly target?: Platform | undefined;
  /** Keeps compressed blocks for the next build. */
  readonly cache?: BlockCacheChoice | undefined;
  /**
   * Whether a package that is written to a path is read back and verified
   * before it gets its name.
   *
   * @default {true}
   */
  readonly verify?: boolean | undefined;
  /**
   * Whether a file that exists is replaced.
   *
   * @default {true}
   */
  readonly replace?: boolean | undefined;
}

/** A package that was written to a file. */
export interface BuildResult extends BuildReport {
  /** Where it is, absolute. */
  readonly path: string;
  /** Whether it was verified after it was written. */
  readonly isVerified: boolean;
  /** The file of the launcher, where it came from one. */
  readonly launcherPath: string | undefined;
  /** What the launcher runs on, where that is known. */
  readonly target: Platform | undefined;
  /**
   * Whether the key was made for this build alone: then the signature proves
   * that nothing was changed, but not who made the package.
   */
  readonly isKeyEphemeral: boolean;
}

/** A build that needs nothing more but a place to go to. */
export interface PreparedBuild extends AsyncDisposable {
  readonly options: BuildOptions;
  /** The launcher, where it came from a file. */
  readonly launcher: Launcher | undefined;
  /** What went wrong beside the build: the cache, for example. */
  readonly warnings: readonly string[];
}

/** Finds the launcher and the key, and opens the cache. */
export async function prepareBuild(
  settings: PackSettings,
  openSource: SourceOpener,
  host: () => Promise<PackHost>,
): Promise<PreparedBuild> {
  const { jobs, portable, sourceDateEpoch, onProgress, signal } = settings;
  const keyPair = await resolveKey(settings.key, host);
  const launcher = await openLauncher(settings, host);
  const warnings: string[] = [];
  const cache = settings.cache && await openBlockCache(
    settings.cache,
    await host(),
    (message) => warnings.push(message),
  );
  return {
    options: {
      launcher: launcher.source,
      target: launcher.found?.platform ?? settings.target,
      keyPair,
      openSource,
      cache,
      jobs,
      portable,
      sourceDateEpoch,
      onProgress,
      signal,
    },
    launcher: launcher.found,
    warnings,
    [Symbol.asyncDispose]: () => launcher.source[Symbol.asyncDispose](),
  };
}

/** Whether a launcher has to be looked for on the machine. */
export function isLauncherPath(launcher: LauncherInput | undefined): boolean {
  return launcher === undefined || typeof launcher === "string" ||
    launcher instanceof URL || "arch" in launcher;
}

const PLATFORM_REGEXP = /^(?:linux|darwin|windows)_(?:amd64|arm64)$/;

async function openLauncher(
  { launcher: input, target }: PackSettings,
  host: () => Promise<PackHost>,
): Promise<{ readonly source: RandomAccessSource; readonly found?: Launcher }> {
  if (input instanceof Uint8Array) {
    return { source: new BytesSource(input, "launcher") };
  }
  if (input instanceof Blob) {
    return { source: new BlobSource(input, "launcher") };
  }
  if (
    typeof input === "object" && !(input instanceof URL) && !("arch" in input)
  ) return { source: borrowSource(input) };
  const machine = await host();
  const platform = typeof input === "string" && PLATFORM_REGEXP.test(input)
    ? parsePlatform(input)
    : typeof input === "object" && "arch" in input
    ? input
    : undefined;
  const isFile = input !== undefined && platform === undefined;
  const found = await findLauncher(machine, {
    target: platform ?? target,
    given: isFile ? pathOf(input as string | URL) : undefined,
  });
  return { source: await machine.reader.openSource(found.path), found };
}

/** What to build, and where to. */
export interface PackRequest {
  readonly plan: BuildPlan;
  readonly openSource: SourceOpener;
  /** Where the package goes: a path, or a pipe that cannot be read back. */
  readonly output: string | ByteSink;
  /** Files that are read and must not be written over. */
  readonly inputs: readonly string[];
  /** Compresses blocks, where workers were started early. */
  readonly compressor?: BlockCompressor | undefined;
  /** Sees the slots before the package is signed, and may object. */
  readonly onSlots?: BuildOptions["onSlots"];
  /** Writes the package in our place. */
  readonly builder?: NativeBuilder | undefined;
}

/**
 * Builds into a temporary file, verifies it, and only then gives it its name:
 * the one way in which files come to be, for manifests, builders and commands.
 */
export async function packToFile(
  request: PackRequest,
  settings: PackSettings,
  host: PackHost,
): Promise<BuildResult> {
  const { reader, writer, machine } = host;
  const { output } = request;
  const isFile = typeof output === "string";
  const { replace = true, verify = isFile } = settings;
  const path = isFile ? reader.absolute(output) : output.name;
  await using prepared = await prepareBuild(
    { ...settings, jobs: settings.jobs ?? machine.processors },
    request.openSource,
    () => Promise.resolve(host),
  );
  const launcherPath = prepared.launcher?.path;
  const { compressor, onSlots, builder } = request;
  const options = { ...prepared.options, compressor, onSlots };
  if (isFile) {
    for (const input of [...request.inputs, launcherPath]) {
      if (input !== undefined) await checkOutput(reader, path, input);
    }
    await writer.makeDirectory(dirname(path));
  }
  await using sink = isFile
    ? await writer.createSink(path, { mode: 0o755, replace })
    : output;
  const report = builder === undefined
    ? await writePackage(request.plan, sink, options)
    : await writeWithBuilder(
      request.plan,
      sink,
      builder,
      launcherPath ?? "",
      options,
      host,
    );
  if (verify && builder === undefined) {
    await using source = await sink.reopen();
    await verifyWritten(source, options);
  }
  await sink.commit();
  return {
    ...report,
    warnings: [...report.warnings, ...prepared.warnings],
    path,
    isVerified: verify || builder !== undefined,
    launcherPath,
    target: options.target,
    isKeyEphemeral: settings.key === undefined,
  };
}
