import { checkEntryPath } from "../archive/path_policy.ts";
import { PspfError } from "../errors.ts";
import type { PackageInfo } from "../format/metadata.ts";
import type { PackageSlot } from "./package_slot.ts";

const PLACEHOLDER_REGEXP =
  /\{(?:(workenv)(?:\}\/|\})|(package_name|version)\}|(primary|slot:[^}]*)\})/g;

/**
 * Finds where a single file goes below the workenv, as a launcher would.
 *
 * `{os}`, `{arch}` and `{platform}` stay as they are: a package is extracted
 * here for no platform in particular.
 *
 * @param slot A slot that is no archive.
 * @param names What `{package_name}` and `{version}` stand for.
 * @returns The checked path.
 * @throws {PspfError} `archive/unsafe-path`, `format/bad-metadata`
 */
export function slotPath(slot: PackageSlot, names: PackageInfo): string {
  const { target } = slot.metadata;
  if ([target, names.name, names.version].some((text) => text.includes("\0"))) {
    throw badTarget("format/bad-metadata", slot, "a name holds a NUL");
  }
  const path = checkEntryPath(
    target.replaceAll(PLACEHOLDER_REGEXP, (text, workenv, name) => {
      if (workenv) return "";
      if (name) return name === "version" ? names.version : names.name;
      throw badTarget(
        "format/bad-metadata",
        slot,
        `${text} has no place in it`,
      );
    }),
  );
  if (path !== "") return path;
  throw badTarget("archive/unsafe-path", slot, "it names no file");
}

function badTarget(
  code: "archive/unsafe-path" | "format/bad-metadata",
  slot: PackageSlot,
  problem: string,
): PspfError {
  const { target } = slot.metadata;
  return new PspfError(
    code,
    `Cannot extract slot ${slot.index} ("${slot.id}") to "${target}": ${problem}`,
    { context: { slot: slot.index, target } },
  );
}
