import { basename, dirname, join } from "@std/path";

import { packageFileName } from "../build/mod.ts";
import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";
import { type BuildPlan, parseManifest } from "../manifest/mod.ts";

/** A manifest that was read. */
export interface PackManifest {
  /** Its path. */
  readonly path: string;
  /** The absolute directory that it is in. */
  readonly directory: string;
  /** What it asks for. */
  readonly plan: BuildPlan;
}

/** Names that are looked for, the first one first. */
const DEFAULT_NAMES = ["flavor.toml", "pyproject.toml", "flavor.json"] as const;
/** A manifest is written by people. */
const MAX_MANIFEST_SIZE = 4 * 1024 * 1024;

/**
 * Finds and reads a manifest.
 *
 * @param given What the user names, if anything.
 * @param reader Reads it.
 * @returns The manifest.
 * @throws {PspfError} `io/not-found`, `manifest/syntax`, `manifest/invalid`
 */
export async function readManifest(
  given: string | undefined,
  reader: FileReader,
): Promise<PackManifest> {
  const path = given ?? await findManifest(reader);
  const name = basename(path);
  if (name === "pyproject.toml") {
    throw new PspfError(
      "manifest/invalid",
      `Cannot pack "${path}": Python applications are not supported yet`,
      {
        context: { path },
        hint: "Write a flavor.toml that names what to pack: flavor init",
      },
    );
  }
  const bytes = await reader.readBytes(path, MAX_MANIFEST_SIZE);
  return {
    path,
    directory: dirname(reader.absolute(path)),
    plan: parseManifest(decodeText(bytes, path), {
      format: name.endsWith(".json") ? "json" : "toml",
      name: path,
    }),
  };
}

async function findManifest(reader: FileReader): Promise<string> {
  for (const name of DEFAULT_NAMES) {
    if ((await reader.facts(name))?.kind === "file") return name;
  }
  throw new PspfError(
    "io/not-found",
    `No manifest in "${reader.absolute(".")}": looked for ${
      DEFAULT_NAMES.join(", ")
    }`,
    {
      context: { path: reader.absolute(".") },
      hint: 'Name one with --manifest FILE, or write one with "flavor init"',
    },
  );
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

/**
 * The default name of a package.
 *
 * @param manifest The manifest.
 * @returns `dist/<name>.psp` beside it.
 */
export function defaultOutput({ directory, plan }: PackManifest): string {
  return join(directory, "dist", packageFileName(plan.package.name));
}
