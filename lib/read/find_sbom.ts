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
 * The slot with the list of what a package is made of: by its purpose, else by
 * its name, which is all that others give it.
 */
export function sbomSlot(
  slots: readonly PackageSlot[],
): PackageSlot | undefined {
  const plain = slots.filter(({ operations }) => !operations.isArchive);
  return plain.find(({ metadata }) => metadata.purpose === "sbom") ??
    plain.find(({ id, metadata }) =>
      id === "sbom" || metadata.target.endsWith(".cdx.json")
    );
}

/** Reads the CycloneDX document that came with a package, if one did. */
export async function findSbom(
  opened: OpenedPackage,
): Promise<PackageSbom | undefined> {
  const slot = sbomSlot(opened.slots);
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
