import { dirname, join } from "@std/path";
import { PspfError } from "../errors.ts";
import type { Environment, FileReader } from "../host/types.ts";
import { pathOf } from "../io/open_source.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import type {
  BuilderExecution,
  BuilderMetadata,
  SlotData,
  SlotDescriptor,
} from "./builder_plan.ts";
import { type HostOptions, loadHost } from "./pack_host.ts";
import {
  type BuildResult,
  type PackSettings,
  packToFile,
} from "./pack_to_file.ts";
import { PSPFBuilder } from "./pspf_builder.ts";
import { createSourceOpener } from "./source_opener.ts";

/** A manifest that was read. */
export interface ManifestFile {
  /** Its path as it was given. */
  readonly path: string;
  /** The absolute directory that it is in. */
  readonly directory: string;
  /** What it asks for. */
  readonly plan: BuildPlan;
}

/** A manifest is written by people. */
const MAX_MANIFEST_SIZE = 4 * 1024 * 1024;

/** Reads a `flavor.toml`, or a JSON manifest of the existing builders. */
export async function readManifestFile(
  path: string,
  reader: FileReader,
): Promise<ManifestFile> {
  const bytes = await reader.readBytes(path, MAX_MANIFEST_SIZE);
  return {
    path,
    directory: dirname(reader.absolute(path)),
    plan: parseManifest(decodeText(bytes, path), {
      format: isJson(path) ? "json" : "toml",
      name: path,
    }),
  };
}

/** Where the package of a manifest goes when nobody says it. */
export function defaultOutput({ directory, plan }: ManifestFile): string {
  return join(directory, "dist", packageFileName(plan.package.name));
}

/**
 * What `{workenv}` means in a source when nobody says it. The existing builders
 * start at the working directory, and so do their JSON manifests. A flavor.toml
 * means the same from wherever it is packed.
 */
export function defaultWorkenvBase({ path, directory }: ManifestFile): string {
  return isJson(path) ? "." : directory;
}

/** The launcher that a manifest names; the environment is nearer to the user. */
export function manifestLauncher(
  { plan, directory }: ManifestFile,
  env: Environment,
): string | undefined {
  const isOverruled = (env.get("FLAVOR_LAUNCHER_BIN") ?? "") !== "";
  return plan.launcher === undefined || isOverruled
    ? undefined
    : join(directory, plan.launcher);
}

function isJson(path: string): boolean {
  return path.endsWith(".json");
}

function decodeText(bytes: Uint8Array, path: string): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    throw new PspfError("manifest/syntax", `"${path}" is not UTF-8 text`, {
      context: { path },
      cause,
    });
  }
}

/** A file name for an application whose own name may hold anything. */
export function packageFileName(name: string): string {
  const safe = name.replaceAll(/[^A-Za-z0-9._-]+/g, "_").replace(/^\.+/, "");
  return `${safe === "" ? "package" : safe}.psp`;
}

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
}

/**
 * Builds the package that a manifest describes: into a temporary file, which is
 * verified before it gets its name.
 *
 * @param manifestPath A `flavor.toml`, or a JSON manifest of the existing
 * native builders.
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
  const { reader } = host;
  const manifest = await readManifestFile(pathOf(manifestPath), reader);
  const { plan, directory } = manifest;
  const { privateKeyPath, publicKeyPath, outputPath, launcher } = options;
  if (privateKeyPath !== undefined && options.key !== undefined) {
    throw usage("privateKeyPath and key exclude each other");
  }
  if (publicKeyPath !== undefined && privateKeyPath === undefined) {
    throw usage("publicKeyPath needs privateKeyPath");
  }
  const output = reader.absolute(
    outputPath === undefined ? defaultOutput(manifest) : pathOf(outputPath),
  );
  const base = options.workenvBase ?? defaultWorkenvBase(manifest);
  const result = await packToFile(
    {
      plan,
      output,
      inputs: [manifest.path, privateKeyPath, publicKeyPath]
        .filter((path) => path !== undefined),
      openSource: createSourceOpener(reader, {
        manifestDirectory: directory,
        workenvBase: reader.absolute(base),
        output,
      }),
    },
    {
      ...options,
      key: privateKeyPath === undefined
        ? options.key
        : { privateKeyPath, publicKeyPath },
      launcher: launcher ?? manifestLauncher(manifest, host.env),
    },
    host,
  );
  return [result];
}

function usage(message: string): PspfError {
  return new PspfError("usage/bad-argument", message);
}

/** What {@linkcode pack} packs, and how. */
export interface PackInit extends PackSettings, HostOptions {
  /** Name of the application. */
  readonly name: string;
  /** Version of the application. */
  readonly version: string;
  /** How it is started: a command line, or the details. */
  readonly execution?: string | BuilderExecution | undefined;
  /**
   * Its content by name, which is also its place below the workenv: a path,
   * bytes, or a slot with settings of its own.
   */
  readonly slots: Readonly<
    Record<
      string,
      SlotData | Omit<SlotDescriptor, "name"> & { readonly data: SlotData }
    >
  >;
  /** What else it says about itself. */
  readonly metadata?: BuilderMetadata | undefined;
  /** Where the package goes; `<name>.psp` in the working directory by default. */
  readonly output?: string | URL | undefined;
}

/**
 * Packs an application in one call; {@linkcode PSPFBuilder} does the same step
 * by step.
 *
 * @param init What to pack.
 * @returns What was built.
 * @throws {PspfError} `manifest/invalid`, `io/*`, `launcher/*`, `crypto/*`,
 * `build/*`
 *
 * @example One file
 * ```ts
 * import { pack, verifyPackage } from "@flavor/pspf";
 * import { assert } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const { path } = await pack({
 *   name: "hello",
 *   version: "1.0.0",
 *   execution: "sh {workenv}/hello.sh",
 *   slots: { "hello.sh": new TextEncoder().encode("echo hello\n") },
 *   launcher: new TextEncoder().encode("launcher"),
 *   output: `${directory}/hello.psp`,
 * });
 * assert((await verifyPackage(path)).valid);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export async function pack(init: PackInit): Promise<BuildResult> {
  const { name, version, execution, slots, metadata, output, ...settings } =
    init;
  const builder = new PSPFBuilder(init)
    .setPackageName(name)
    .setPackageVersion(version)
    .setMetadata(metadata ?? {})
    .withOptions(settings);
  if (execution !== undefined) {
    builder.setMetadata({
      execution: typeof execution === "string"
        ? { command: execution }
        : execution,
    });
  }
  for (const [slot, content] of Object.entries(slots)) {
    if (typeof content === "object" && "data" in content) {
      const { data, ...descriptor } = content;
      builder.addSlot({ ...descriptor, name: slot }, data);
    } else builder.addSlot({ name: slot }, content);
  }
  return await builder.build(output ?? packageFileName(name));
}
