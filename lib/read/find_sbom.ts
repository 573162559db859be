import { collectBytes } from "../io/collect_bytes.ts";
import type { OpenedPackage } from "./open_package.ts";
import type { PackageSlot } from "./resolve_slots.ts";
import { streamSlot } from "./slot_content.ts";

/** What is read of a CycloneDX document; nothing is promised about any of it. */
export interface CycloneDx {
  readonly serialNumber?: unknown;
  readonly metadata?: { readonly component?: CycloneDxComponent };
  readonly components?: unknown;
}

/** A part that a package says it is made of. */
export interface CycloneDxComponent {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly purl?: unknown;
  readonly hashes?: unknown;
  readonly licenses?: unknown;
}

/** A CycloneDX document that came with a package. */
export interface PackageSbom {
  /** The document as stored. */
  readonly json: string;
  readonly document: CycloneDx;
}

/** Far more than a list of dependencies needs. */
const MAX_SBOM_SIZE = 32 * 1024 * 1024;

/**
 * The slot that says what a package is made of, as far as its metadata tells:
 * one with that purpose, else one that is called so.
 */
export function findSbomSlot(
  { slots }: Pick<OpenedPackage, "slots">,
): PackageSlot | undefined {
  const files = slots.filter(({ operations }) => !operations.isArchive);
  return files.find(({ metadata }) => metadata.purpose === "sbom") ??
    files.find(({ id, metadata }) =>
      id === "sbom" || metadata.target.endsWith(".cdx.json")
    );
}

/** Reads the list of what a package is made of, where it carries one. */
export async function findSbom(
  opened: OpenedPackage,
): Promise<PackageSbom | undefined> {
  const slot = findSbomSlot(opened);
  if (slot === undefined) return undefined;
  const bytes = await collectBytes(streamSlot(opened, slot), {
    maxSize: MAX_SBOM_SIZE,
    what: `slot ${slot.index} ("${slot.id}")`,
    code: "compress/too-large",
  });
  const json = new TextDecoder().decode(bytes);
  try {
    const document = JSON.parse(json);
    return document.bomFormat === "CycloneDX" ? { json, document } : undefined;
  } catch {
    return undefined;
  }
}

/** The components of a document that are objects. */
export function componentsOf(
  { components }: CycloneDx,
): readonly CycloneDxComponent[] {
  return Array.isArray(components)
    ? components.filter((one) => typeof one === "object" && one !== null)
    : [];
}

/** The licences of a component: an expression, or the names that it gives. */
export function licencesOf({ licenses }: CycloneDxComponent): string {
  if (!Array.isArray(licenses)) return "";
  return licenses.map((one) =>
    one?.expression ?? one?.license?.id ?? one?.license?.name
  ).filter((text) => typeof text === "string" && text !== "").join(", ");
}
