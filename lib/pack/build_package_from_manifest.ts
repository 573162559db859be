import { join } from "@std/path";
import { PspfError } from "../errors.ts";
import type { BuildOptions } from "./build_options.ts";
import { type BuildResult, describeSlots } from "./build_result.ts";
import { type LauncherChoice, openLauncher } from "./builder_launcher.ts";
import { type BuilderOptions, pickBuildOptions } from "./builder_options.ts";
import { checkOutput } from "./check_output.ts";
import { loadDefaultHost } from "./default_host.ts";
import { type HostOptions, type KeyChoice, resolveKey } from "./key_files.ts";
import { openSlotCache } from "./slot_cache.ts";
import {
  defaultOutput,
  defaultWorkenvBase,
  readManifestFile,
} from "./manifest_file.ts";
import { createSourceOpener } from "./source_opener.ts";
import { writePackage } from "./write_package.ts";

/** Options of {@linkcode buildPackageFromManifest}. */
export interface BuildFromManifestOptions
  extends Omit<BuilderOptions, "target">, HostOptions {
  /** A `flavor.toml`, or a JSON manifest of the existing native builders. */
  readonly manifestPath: string;
  /** Where the package goes; `dist/<name>.psp` beside the manifest by default. */
  readonly outputPath?: string;
  /** The key to sign with; one is made for this build when none is given. */
  readonly privateKeyPath?: string;
  /** Checked against the private key. */
  readonly publicKeyPath?: string;
  /** A text to make the key from, instead of a file. */
  readonly keySeed?: string;
  /** The program at the front; the manifest's own, else this machine's. */
  readonly launcher?: LauncherChoice;
  /**
   * What `{workenv}` means in a source. By default the directory of a
   * `flavor.toml`, and for a JSON manifest the working directory, as its
   * builders have it.
   */
  readonly workenvBase?: string;
}

/**
 * Builds the package that a manifest describes: into a temporary file, which is
 * verified before it gets its name.
 *
 * @param options The manifest, the key and where the package goes.
 * @returns What was built.
 * @throws {PspfError} `io/*`, `manifest/*`, `crypto/*`, `launcher/*`, `build/*`,
 * `usage/bad-argument`
 *
 * @example A manifest with one file
 * ```ts
 * import { buildPackageFromManifest } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * await Deno.writeTextFile(`${directory}/hello.sh`, "echo hello\n");
 * await Deno.writeTextFile(
 *   `${directory}/flavor.toml`,
 *   `
 *   package = { name = "hello", version = "1.0.0" }
 *   execution = { command = "sh {workenv}/hello.sh" }
 *   slots = [{ id = "script", source = "hello.sh", target = "hello.sh" }]
 *   `,
 * );
 * const { path, slots } = await buildPackageFromManifest({
 *   manifestPath: `${directory}/flavor.toml`,
 *   launcher: new TextEncoder().encode("launcher"),
 * });
 * assertEquals(path, `${directory}/dist/hello.psp`);
 * assertEquals(slots.map(({ name }) => name), ["script"]);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function buildPackageFromManifest(
  options: BuildFromManifestOptions,
): Promise<BuildResult> {
  const host = options.host ?? await loadDefaultHost();
  const { reader, writer } = host;
  const manifest = await readManifestFile(options.manifestPath, reader);
  const { plan, directory } = manifest;
  const path = reader.absolute(options.outputPath ?? defaultOutput(manifest));
  for (
    const input of [
      options.manifestPath,
      options.privateKeyPath,
      options.publicKeyPath,
    ]
  ) {
    if (input !== undefined) await checkOutput(reader, path, input);
  }
  const key = chooseKey(options);
  const keyPair = await resolveKey(key, () => Promise.resolve(host));
  const ownLauncher = plan.launcher === undefined
    ? undefined
    : join(directory, plan.launcher);
  const { source: launcher, target } = await openLauncher(
    options.launcher ?? ownLauncher,
    () => Promise.resolve(host),
  );
  await using _ = launcher;
  const { slotCache } = options;
  const build: Omit<BuildOptions, "createSpool"> = {
    launcher,
    keyPair,
    openSource: createSourceOpener(reader, {
      manifestDirectory: directory,
      workenvBase: reader.absolute(
        options.workenvBase ?? defaultWorkenvBase(manifest),
      ),
      output: path,
    }),
    jobs: options.jobs ?? host.processors,
    ...(target === undefined ? {} : { target }),
    ...pickBuildOptions(options),
    ...(slotCache === undefined
      ? {}
      : { slotCache: await openSlotCache(slotCache, host) }),
  };
  const report = await writePackage(plan, {
    path,
    writer,
    build,
    replace: options.replace ?? true,
    verify: options.verify ?? true,
  });
  return {
    path,
    report,
    slots: describeSlots(plan, report),
    isKeyEphemeral: key === undefined,
  };
}

function chooseKey(options: BuildFromManifestOptions): KeyChoice | undefined {
  const { privateKeyPath, publicKeyPath, keySeed } = options;
  const problem = privateKeyPath !== undefined && keySeed !== undefined
    ? "privateKeyPath and keySeed exclude each other"
    : publicKeyPath !== undefined && privateKeyPath === undefined
    ? "publicKeyPath needs privateKeyPath"
    : undefined;
  if (problem !== undefined) {
    throw new PspfError("usage/bad-argument", problem);
  }
  if (keySeed !== undefined) return { seed: keySeed };
  if (privateKeyPath === undefined) return undefined;
  return publicKeyPath === undefined
    ? { privateKeyPath }
    : { privateKeyPath, publicKeyPath };
}
