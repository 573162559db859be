/** The purposes that have a byte of their own in the descriptor. */
export const SlotPurpose = {
  /** Data files: the default. */
  DATA: "data",
  /** Programs and libraries. */
  CODE: "code",
  /** Configuration. */
  CONFIG: "config",
  /** Images, sounds and other static resources. */
  MEDIA: "media",
  /** A Python runtime with its packages: `code` in the format. */
  PYTHON_ENVIRONMENT: "code",
  /** The application itself: `code` in the format. */
  APPLICATION_CODE: "code",
  /** Files that are served or shown as they are: `media` in the format. */
  STATIC_RESOURCES: "media",
} as const;

/** One of {@linkcode SlotPurpose}, or any other word a manifest uses. */
export type SlotPurposeName =
  | typeof SlotPurpose[keyof typeof SlotPurpose]
  // `& {}` keeps the known names visible in editors.
  | (string & Record<never, never>);

const BYTES: ReadonlyMap<string, number> = new Map([
  [SlotPurpose.DATA, 0],
  [SlotPurpose.CODE, 1],
  [SlotPurpose.CONFIG, 2],
  [SlotPurpose.MEDIA, 3],
  // Words of older manifests, with the bytes that their builders gave them.
  ["payload", 0],
  ["runtime", 1],
  ["tool", 2],
]);

/** Words that some builder accepts and that mean plain data on the wire. */
const PLAIN: ReadonlySet<string> = new Set([
  "asset",
  "library",
  "binary",
  "installer",
]);

/**
 * Finds the descriptor byte of a purpose. No reader acts on it; the metadata
 * keeps the word itself.
 *
 * @param purpose The word in the metadata.
 * @returns The byte; 0 for words without one.
 *
 * @example Known and unknown words
 * ```ts
 * import { purposeByte } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(purposeByte("media"), 3);
 * assertEquals(purposeByte("something else"), 0);
 * ```
 */
export function purposeByte(purpose: string): number {
  return BYTES.get(purpose) ?? 0;
}

/**
 * Whether a purpose is one of the words that existing builders know.
 *
 * @param purpose The word in a manifest.
 * @returns `false` for a word that deserves a warning.
 *
 * @example Spot a typing mistake
 * ```ts
 * import { isKnownPurpose } from "@flavor/pspf/format";
 * import { assert } from "@std/assert";
 *
 * assert(isKnownPurpose("code"));
 * assert(!isKnownPurpose("cod"));
 * ```
 */
export function isKnownPurpose(purpose: string): boolean {
  return BYTES.has(purpose) || PLAIN.has(purpose);
}
