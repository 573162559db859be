import { parse as parseToml } from "@std/toml/parse";

import { isPspfError, PspfError } from "../errors.ts";
import { parseStrictJson } from "../format/strict_json.ts";
import type { BuildPlan } from "./build_plan.ts";
import { TomlChecker } from "./check_toml.ts";
import { planManifest } from "./plan_manifest.ts";
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

/** No manifest that people write comes near. */
const MAX_LENGTH = 4 * 1024 * 1024;
const MAX_DEPTH = 64;

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
  return planManifest(parseDocument(text, format, name), { format, name });
}

/** Parses TOML or JSON strictly, and says where it is wrong. */
export function parseDocument(
  text: string,
  format: ManifestFormat,
  name: string,
): unknown {
  if (text.length > MAX_LENGTH) {
    throw new PspfError(
      "manifest/syntax",
      `Cannot read ${name}: it has more than ${MAX_LENGTH} characters`,
      { context: { file: name, actual: text.length, limit: MAX_LENGTH } },
    );
  }
  const content = text.replace(/^\ufeff/, "");
  try {
    return format === "toml"
      ? parseCheckedToml(content)
      : parseStrictJson(new TextEncoder().encode(content), {
        maxDepth: MAX_DEPTH,
      });
  } catch (error) {
    const reason = reasonOf(error);
    const marks = format === "toml"
      ? "quotes, brackets and table headers"
      : "commas, quotes and brackets";
    throw new PspfError("manifest/syntax", `Cannot read ${name}: ${reason}`, {
      context: { file: name, format },
      cause: error,
      // flavor's own check explains what it finds.
      ...(!/^line \d/.test(reason) && {
        hint: `Check ${marks} near that place`,
      }),
    });
  }
}

function parseCheckedToml(text: string): unknown {
  const checker = new TomlChecker(text);
  checker.check();
  try {
    return parseToml(text);
  } catch (cause) {
    // The parser says only that something cannot be, and names the last line.
    const { lateTable } = checker;
    if (lateTable === undefined) throw cause;
    throw new SyntaxError(lateTable, { cause });
  }
}

function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  // The parser of the runtime says where, the strict one what it means.
  const inner = isPspfError(error) && error.cause instanceof Error
    ? error.cause
    : error;
  return inner.message.replace(/^Cannot read the metadata: |\.$/g, "");
}
