import { collectBytes } from "../io/collect_bytes.ts";
import type { OpenedPackage } from "./open_package.ts";
import type { PackageSlot } from "./resolve_slots.ts";
import { streamSlot } from "./slot_content.ts";

/** A CycloneDX document that came with a package. */
export interface PackageSbom {
  readonly slot: PackageSlot;
  /** The document as stored. */
  readonly json: string;
}

/** Far more than a list of dependencies needs. */
const MAX_SBOM_SIZE = 32 * 1024 * 1024;

/**
 * Finds the list of what a package is made of: a slot called `sbom`, or whose
 * target ends in `.cdx.json`, with a CycloneDX document in it.
 */
export async function findSbom(
  opened: OpenedPackage,
): Promise<PackageSbom | undefined> {
  const slot = opened.slots.find(({ id, operations, metadata }) =>
    !operations.isArchive &&
    (id === "sbom" || metadata.target.endsWith(".cdx.json"))
  );
  if (slot === undefined) return undefined;
  const bytes = await collectBytes(streamSlot(opened, slot), {
    maxSize: MAX_SBOM_SIZE,
    what: `slot ${slot.index} ("${slot.id}")`,
    code: "compress/too-large",
  });
  const json = new TextDecoder().decode(bytes);
  try {
    const { bomFormat } = JSON.parse(json);
    return bomFormat === "CycloneDX" ? { slot, json } : undefined;
  } catch {
    return undefined;
  }
}
