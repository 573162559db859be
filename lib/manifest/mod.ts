/**
 * Manifests: what a package will hold, as people write it down. Reads
 * `flavor.toml` and the JSON manifest of the existing native builders into a
 * {@linkcode BuildPlan}, without touching any file.
 *
 * @example Everything that is wrong, at once
 * ```ts
 * import { parseManifest } from "@flavor/pspf/manifest";
 * import { assertThrows } from "@std/assert";
 *
 * const text = '{"package": {"nmae": "hello"}, "execution": {}, "slots": []}';
 * assertThrows(
 *   () => parseManifest(text, { format: "json" }),
 *   Error,
 *   'package.nmae is not known; did you mean "name"?',
 * );
 * ```
 *
 * @module
 */

export type { ModeRule } from "../archive/mode_rule.ts";
export type { BuildPlan, SlotSpec } from "./build_plan.ts";
export type { ManifestFormat } from "./schema.ts";
export type { ManifestProblem } from "./check_document.ts";
export { parseManifest, type ParseManifestOptions } from "./parse_manifest.ts";
