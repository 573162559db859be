import { dirname, join } from "@std/path";
import { PspfError } from "../errors.ts";
import type { Environment, FileReader } from "../host/types.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import type {
  BuilderExecution,
  BuilderMetadata,
  SlotData,
  SlotDescriptor,
} from "./builder_plan.ts";
import type { HostOptions } from "./pack_host.ts";
import type { BuildResult, PackSettings } from "./pack_to_file.ts";
import { PSPFBuilder } from "./pspf_builder.ts";

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

/** Where the package of a manifest goes by default. */
export function defaultOutput({ directory, plan }: ManifestFile): string {
  return join(directory, "dist", packageFileName(plan.package.name));
}

/**
 * What `{workenv}` means in a source by default. The existing builders
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
   * bytes, or a slot with its own settings.
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
