import { PspfError } from "../errors.ts";
import { pathOf } from "../io/open_source.ts";
import { parsePlatform } from "../launchers/platform.ts";
import { type HostOptions, loadHost } from "../pack/pack_host.ts";
import {
  type BuildResult,
  type PackSettings,
  packToFile,
} from "../pack/pack_to_file.ts";
import { findSubject, isProjectFile, openPackInput } from "./pack_input.ts";

/** Options of {@linkcode buildPackageFromManifest}. */
export interface BuildFromManifestOptions extends PackSettings, HostOptions {
  /** Where the package goes; `dist/<name>.psp` beside the manifest by default. */
  readonly outputPath?: string | URL | undefined;
  /** The key file to sign with; the same as `key`. */
  readonly privateKeyPath?: string | undefined;
  /** Checked against the private key. */
  readonly publicKeyPath?: string | undefined;
  /**
   * What `{workenv}` means in a source. By default the directory of a
   * `flavor.toml`, and for a JSON manifest the working directory, as its
   * builders have it.
   */
  readonly workenvBase?: string | undefined;
  /** What a project starts: a script, `module:function`, a module or a file. */
  readonly entry?: string | undefined;
  /** The interpreter of a project: `python@3.12`, `node@22`, or a path. */
  readonly runtime?: string | undefined;
  /**
   * Whether files that are private keys are packed.
   *
   * @default {false}
   */
  readonly allowSecrets?: boolean | undefined;
}

/**
 * Builds the package that a manifest or a project describes: into a temporary
 * file, which is verified before it gets its name.
 *
 * @param manifestPath A `flavor.toml`, a JSON manifest of the existing native
 * builders, or a project's `pyproject.toml`, `package.json` or `deno.json`.
 * @param options The key and where the package goes.
 * @returns What was built: one package for each platform.
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
 * const packages = await buildPackageFromManifest(`${directory}/flavor.toml`, {
 *   launcher: new TextEncoder().encode("launcher"),
 * });
 * assertEquals(packages.map(({ path }) => path), [`${directory}/dist/hello.psp`]);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function buildPackageFromManifest(
  manifestPath: string | URL,
  options: BuildFromManifestOptions = {},
): Promise<readonly BuildResult[]> {
  const host = options.host ?? await loadHost();
  const { privateKeyPath, publicKeyPath, outputPath, launcher } = options;
  if (privateKeyPath !== undefined && options.key !== undefined) {
    throw usage("privateKeyPath and key exclude each other");
  }
  if (publicKeyPath !== undefined && privateKeyPath === undefined) {
    throw usage("publicKeyPath needs privateKeyPath");
  }
  const path = pathOf(manifestPath);
  const subject = isProjectFile(path)
    ? await findSubject(path, undefined, host)
    : { kind: "manifest" as const, path };
  const target = options.target ?? parsePlatform(host.machine.platform);
  await using input = await openPackInput(subject, {
    target,
    overrides: { entry: options.entry, runtime: options.runtime },
    workenvBase: options.workenvBase,
    output: outputPath === undefined ? undefined : pathOf(outputPath),
    allowSecrets: options.allowSecrets,
    say: () => {},
  }, host);
  const result = await packToFile(
    {
      plan: input.plan,
      output: input.output,
      inputs: [...input.inputs, privateKeyPath, publicKeyPath]
        .filter((one) => one !== undefined),
      openSource: input.openSource,
    },
    {
      ...options,
      key: privateKeyPath === undefined
        ? options.key
        : { privateKeyPath, publicKeyPath },
      launcher: launcher ?? input.launcher,
    },
    host,
  );
  return [result];
}

function usage(message: string): PspfError {
  return new PspfError("usage/bad-argument", message);
}
