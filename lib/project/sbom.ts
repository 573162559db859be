import { decodeBase64 } from "@std/encoding/base64";
import { encodeHex } from "@std/encoding/hex";
import type { JsonValue } from "../errors.ts";
import type { BuildPlan, SlotSpec } from "../manifest/build_plan.ts";
import { sha256 } from "../crypto/sha256.ts";
import {
  componentsOf,
  type CycloneDx,
  type CycloneDxComponent,
  licencesOf,
} from "../read/find_sbom.ts";
import { TOOL_NAME, TOOL_VERSION } from "../pack/tool_version.ts";

/** A part of a package that somebody else made. */
export interface Component {
  readonly type: "library" | "platform";
  readonly name: string;
  readonly version: string;
  /** Package URL, where there is one. */
  readonly purl?: string | undefined;
  /** SPDX expression, or the words of its authors. */
  readonly license?: string | undefined;
  readonly description?: string | undefined;
  /** Digests of the file that it came in, in hex. */
  readonly hashes?:
    | readonly {
      readonly alg: "SHA-256" | "SHA-512";
      readonly content: string;
    }[]
    | undefined;
}

/** The digest in a lock file of npm, as a document has it. */
export function npmHashes(integrity: string | undefined): Component["hashes"] {
  const sha512 = /^sha512-(.+)$/.exec(integrity ?? "")?.[1];
  return sha512 === undefined
    ? undefined
    : [{ alg: "SHA-512", content: encodeHex(decodeBase64(sha512)) }];
}

/** Name of the document in a package. */
export const SBOM_NAME = "sbom.cdx.json";

/**
 * The slot of the document. Nothing in a package names it, and a lazy slot that
 * nothing names is never extracted.
 */
export const SBOM_SLOT: SlotSpec = {
  id: "sbom",
  source: SBOM_NAME,
  include: [],
  exclude: [],
  target: SBOM_NAME,
  purpose: "sbom",
  lifecycle: "lazy",
  modes: "owner",
  platform: "any",
  resolution: "build",
};

/** Licences whose short names SPDX knows; others are given as words. */
const SPDX_REGEXP =
  /^(?:MIT(?:-0|-CMU)?|Apache-2\.0|BSD-[23]-Clause|0BSD|ISC|MPL-2\.0|PSF-2\.0|Python-2\.0|Unlicense|Zlib|CC0-1\.0|BlueOak-1\.0\.0|[AL]?GPL-[23]\.[01]-(?:only|or-later)|LGPL-2\.1-(?:only|or-later)|BSL-1\.0)$/;

function isExpression(license: string): boolean {
  return license.replaceAll(/[()]/g, "").split(/ (?:AND|OR) /)
    .every((one) => SPDX_REGEXP.test(one));
}

/** Writes a CycloneDX 1.6 document: sorted, without time and chance. */
export async function writeSbom(
  plan: BuildPlan,
  parts: readonly Component[],
): Promise<string> {
  const { name, version, description } = plan.package;
  const byRef = new Map(parts.map((one) => [refOf(one), one]));
  const refs = [...byRef.keys()].sort();
  const components = refs.map((ref): JsonValue => {
    const { type, purl, hashes, license, ...part } = byRef.get(
      ref,
    ) as Component;
    return {
      type,
      "bom-ref": ref,
      name: part.name,
      version: part.version,
      description: part.description,
      hashes: hashes?.map(({ alg, content }) => ({ alg, content })),
      licenses: license === undefined ? undefined : [
        isExpression(license)
          ? { expression: license }
          : { license: { name: license } },
      ],
      purl,
    };
  });
  const root = `pkg:generic/${encodeURIComponent(name)}@${
    encodeURIComponent(version)
  }`;
  const body: Readonly<Record<string, JsonValue>> = {
    metadata: {
      tools: {
        components: [{
          type: "application",
          name: TOOL_NAME,
          version: TOOL_VERSION,
        }],
      },
      component: {
        type: "application",
        "bom-ref": root,
        name,
        version,
        description,
        purl: root,
      },
    },
    components,
    dependencies: [{ ref: root, dependsOn: refs }],
  };
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    serialNumber: `urn:uuid:${await uuidOf(JSON.stringify(body))}`,
    version: 1,
    ...body,
  };
  return `${JSON.stringify(document, null, 2)}\n`;
}

function refOf({ purl, name, version }: Component): string {
  return purl ?? `${name}@${version}`;
}

/** A UUID of the form that stands for a digest (version 8). */
async function uuidOf(text: string): Promise<string> {
  const digest = (await sha256(new TextEncoder().encode(text))).slice(0, 16);
  digest[6] = (digest[6] ?? 0) & 0x0f | 0x80;
  digest[8] = (digest[8] ?? 0) & 0x3f | 0x80;
  return encodeHex(digest).replace(
    /^(.{8})(.{4})(.{4})(.{4})(.{12})$/,
    "$1-$2-$3-$4-$5",
  );
}

/** The same list as an SPDX 2.3 document. */
export function toSpdx(document: CycloneDx): JsonValue {
  const { serialNumber, metadata } = document;
  const own = metadata?.component ?? {};
  const idOf = (index: number): string => `SPDXRef-Package-${index}`;
  const all = [own, ...componentsOf(document)];
  return {
    spdxVersion: "SPDX-2.3",
    dataLicense: "CC0-1.0",
    SPDXID: "SPDXRef-DOCUMENT",
    name: `${own.name}-${own.version}`,
    documentNamespace: `https://spdx.org/spdxdocs/${
      String(serialNumber).replace("urn:uuid:", "")
    }`,
    creationInfo: {
      created: "1970-01-01T00:00:00Z",
      creators: [`Tool: ${TOOL_NAME}-${TOOL_VERSION}`],
    },
    packages: all.map((one, index): JsonValue => ({
      SPDXID: idOf(index),
      name: String(one.name),
      versionInfo: String(one.version),
      downloadLocation: "NOASSERTION",
      filesAnalyzed: false,
      licenseConcluded: "NOASSERTION",
      licenseDeclared: expressionOf(one),
      copyrightText: "NOASSERTION",
      checksums: Array.isArray(one.hashes)
        ? one.hashes.map(({ alg, content }) => ({
          algorithm: String(alg).replace("-", ""),
          checksumValue: String(content),
        }))
        : undefined,
      externalRefs: typeof one.purl !== "string" ? undefined : [{
        referenceCategory: "PACKAGE-MANAGER",
        referenceType: "purl",
        referenceLocator: one.purl,
      }],
    })),
    relationships: all.map((_, index): JsonValue => ({
      spdxElementId: index === 0 ? "SPDXRef-DOCUMENT" : idOf(0),
      relationshipType: index === 0 ? "DESCRIBES" : "DEPENDS_ON",
      relatedSpdxElement: idOf(index),
    })),
  };
}

/** SPDX takes no words for a licence here, only what it has a name for. */
function expressionOf(component: CycloneDxComponent): string {
  const text = licencesOf(component);
  return isExpression(text) ? text : "NOASSERTION";
}
