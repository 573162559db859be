import { dirname, join } from "@std/path";
import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import { packageFileName } from "./package_file_name.ts";

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

/**
 * Reads a manifest.
 *
 * @param path A `flavor.toml`, or a JSON manifest of the existing builders.
 * @param reader Reads it.
 * @returns The manifest.
 * @throws {PspfError} `io/not-found`, `io/denied`, `manifest/syntax`,
 * `manifest/invalid`
 */
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

/**
 * Names the package of a manifest where nobody else does.
 *
 * @param manifest The manifest.
 * @returns `dist/<name>.psp` beside it.
 */
export function defaultOutput({ directory, plan }: ManifestFile): string {
  return join(directory, "dist", packageFileName(plan.package.name));
}

/**
 * Finds what `{workenv}` means in a source where nobody else says it. The
 * existing builders start at the working directory, and so do their JSON
 * manifests. A flavor.toml means the same from wherever it is packed.
 *
 * @param manifest The manifest.
 * @returns A directory; relative to the working directory, or absolute.
 */
export function defaultWorkenvBase({ path, directory }: ManifestFile): string {
  return isJson(path) ? "." : directory;
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
