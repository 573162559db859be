import { parse as parseToml } from "@std/toml/parse";
import { isPspfError, PspfError } from "../errors.ts";
import { parseStrictJson } from "../format/strict_json.ts";
import type { ManifestFormat } from "./schema.ts";

/** No manifest that people write comes near. */
const MAX_LENGTH = 4 * 1024 * 1024;

const MAX_DEPTH = 64;

/**
 * Parses the text of a manifest.
 *
 * @param text The text.
 * @param format TOML or JSON.
 * @param name What to call the manifest in messages.
 * @returns Whatever the text says.
 * @throws {PspfError} `manifest/syntax`
 */
export function readDocument(
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
    if (format === "toml") return parseToml(content);
    const bytes = new TextEncoder().encode(content);
    return parseStrictJson(bytes, { maxDepth: MAX_DEPTH });
  } catch (error) {
    throw new PspfError(
      "manifest/syntax",
      `Cannot read ${name}: ${reasonOf(error)}`,
      {
        context: { file: name, format },
        cause: error,
        hint: format === "toml"
          ? "Check quotes, brackets and table headers near that place"
          : "Check commas, quotes and brackets near that place",
      },
    );
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
