import { PspfError } from "../errors.ts";

/** How much of a package has to be proved, from most to least. */
export const VERIFY_LEVELS = [
  "strict",
  "standard",
  "relaxed",
  "minimal",
  "none",
] as const;

/**
 * How much of a package has to be proved.
 *
 * - `strict`: everything, and the package must carry a seal;
 * - `standard`: seal (if there is one), signature, digests and structure;
 * - `relaxed`: signature and seal failures are warnings;
 * - `minimal`: as `relaxed`, without the warnings;
 * - `none`: bounds and structure only.
 */
export type VerifyLevel = typeof VERIFY_LEVELS[number];

/** What an empty or absent level means. */
export const DEFAULT_VERIFY_LEVEL = "standard" satisfies VerifyLevel;

/**
 * Reads a level that somebody typed.
 *
 * @param text The word, in any case.
 * @returns The level.
 * @throws {PspfError} `usage/bad-argument` when it is none.
 *
 * @example Any case
 * ```ts
 * import { parseVerifyLevel } from "@flavor/pspf/read";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parseVerifyLevel("Strict"), "strict");
 * ```
 */
export function parseVerifyLevel(text: string): VerifyLevel {
  const wanted = text.trim().toLowerCase();
  const level = VERIFY_LEVELS.find((one) => one === wanted);
  if (level !== undefined) return level;
  throw new PspfError(
    "usage/bad-argument",
    `Cannot use level "${text}": it is not known`,
    {
      context: { actual: text, expected: [...VERIFY_LEVELS] },
      hint: `Use one of ${VERIFY_LEVELS.join(", ")}`,
    },
  );
}
