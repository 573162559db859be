import type { JsonValue } from "../../errors.ts";
import {
  type Helper,
  helperPlaces,
  listHelpers,
  platformName,
} from "../../launchers/mod.ts";
import type { CommandContext } from "../command_context.ts";
import { formatSize } from "../format_size.ts";
import { formatTable } from "../format_table.ts";

/**
 * `flavor helpers list`.
 *
 * @param context Host and output.
 */
export async function runHelpersList(
  { host, output }: CommandContext,
): Promise<void> {
  const helpers = await listHelpers(host);
  output.result(
    { helpers: helpers.map(helperJson) },
    () =>
      helpers.length === 0
        ? [
          "No helpers were found. Looked in:",
          ...helperPlaces(host).map((place) => `  ${place.path}`),
          'Build one with "flavor helpers build" in a checkout.',
        ].join("\n")
        : formatTable([
          ["NAME", "PLATFORM", "SIZE", "SHA-256", "PATH"],
          ...helpers.map((helper) => [
            helper.name,
            platformName(helper.platform),
            formatSize(helper.facts.size),
            helper.facts.digest.slice(0, 16),
            helper.path,
          ]),
        ], [2]),
  );
}

/**
 * The JSON form of a helper.
 *
 * @param helper The helper.
 * @returns Its facts.
 */
export function helperJson(helper: Helper): Record<string, JsonValue> {
  return {
    name: helper.name,
    path: helper.path,
    language: helper.language,
    role: helper.role,
    platform: platformName(helper.platform),
    runs_on: helper.facts.platforms.map(platformName),
    size: helper.facts.size,
    sha256: helper.facts.digest,
    operations: helper.facts.operations ?? null,
  };
}
