import type { BuildPlan } from "./build_plan.ts";
import { planManifest } from "./plan_manifest.ts";
import { readDocument } from "./read_document.ts";
import type { ManifestFormat } from "./schema.ts";

/** Options of {@linkcode parseManifest}. */
export interface ParseManifestOptions {
  /** How the text is written. */
  readonly format: ManifestFormat;
  /**
   * What to call the manifest in messages, usually its file name.
   *
   * @default {"the manifest"}
   */
  readonly name?: string;
}

/**
 * Reads a `flavor.toml`, or the JSON manifest of the existing native builders.
 * No file is touched: sources are resolved when the package is built.
 *
 * @param text The manifest.
 * @param options How it is written.
 * @returns The plan, with warnings for what is odd but not wrong.
 * @throws {PspfError} `manifest/syntax`, or `manifest/invalid` with every
 * problem in `context.problems`
 *
 * @example A manifest of one slot
 * ```ts
 * import { parseManifest } from "@flavor/pspf/manifest";
 * import { assertEquals } from "@std/assert";
 *
 * const plan = parseManifest(
 *   `
 *   [package]
 *   name = "hello"
 *   version = "1.0.0"
 *
 *   [execution]
 *   command = "{workenv}/bin/hello"
 *
 *   [[slots]]
 *   id = "app"
 *   source = "build/hello"
 *   target = "bin/hello"
 *   `,
 *   { format: "toml" },
 * );
 * assertEquals(plan.slots[0]?.target, "bin/hello");
 * ```
 */
export function parseManifest(
  text: string,
  options: ParseManifestOptions,
): BuildPlan {
  const { format, name = "the manifest" } = options;
  return planManifest(readDocument(text, format, name), { format, name });
}
