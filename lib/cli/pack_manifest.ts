import { basename } from "@std/path";

import { type ManifestFile, readManifestFile } from "../pack/pack_manifest.ts";
import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";

/** Names that are looked for, the first one first. */
const DEFAULT_NAMES = ["flavor.toml", "flavor.json", "pyproject.toml"] as const;

/** Finds and reads a manifest. */
export async function readPackManifest(
  given: string | undefined,
  reader: FileReader,
): Promise<ManifestFile> {
  const path = given ?? await findManifest(reader);
  if (basename(path) === "pyproject.toml") {
    throw new PspfError(
      "manifest/invalid",
      `Cannot pack "${path}": Python applications are not supported yet`,
      {
        context: { path },
        hint: "Write a flavor.toml that names what to pack: flavor init",
      },
    );
  }
  return await readManifestFile(path, reader);
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
