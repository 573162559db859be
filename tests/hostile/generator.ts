/**
 * The corpus of hostile packages, the same cases in the same order at each call.
 *
 * @module
 */

import { chainCases } from "./families/chain.ts";
import { compressedCases } from "./families/compressed.ts";
import { descriptorCases } from "./families/descriptor.ts";
import { framesCases } from "./families/frames.ts";
import { indexCases } from "./families/index.ts";
import { metadataCases } from "./families/metadata.ts";
import { schemaCases } from "./families/schema.ts";
import { sealCases } from "./families/seal.ts";
import { signatureCases } from "./families/signature.ts";
import { startCases } from "./families/start.ts";
import { tarHeaderCases } from "./families/tar_header.ts";
import { tarPathCases } from "./families/tar_path.ts";
import { targetCases } from "./families/target.ts";
import { trailerCases } from "./families/trailer.ts";
import type { HostileCase } from "./hostile_case.ts";

/**
 * Lists every case. Building one is left to the caller: some are large.
 *
 * @returns The cases, each with a name of its own within its family.
 */
export function hostileCorpus(): readonly HostileCase[] {
  return [
    ...trailerCases(),
    ...indexCases(),
    ...descriptorCases(),
    ...sealCases(),
    ...signatureCases(),
    ...metadataCases(),
    ...schemaCases(),
    ...chainCases(),
    ...compressedCases(),
    ...framesCases(),
    ...tarPathCases(),
    ...tarHeaderCases(),
    ...targetCases(),
    ...startCases(),
  ];
}
