/** When a slot is extracted, and how long its files stay. */
export const SlotLifecycle = {
  /** Removed after the setup commands. */
  INIT: "init",
  /** Extracted fresh at each start. */
  STARTUP: "startup",
  /** Extracted once and kept: the default. */
  RUNTIME: "runtime",
  /** Wanted when the program ends. */
  SHUTDOWN: "shutdown",
  /** Extracted once and kept; may be dropped with the cache. */
  CACHE: "cache",
  /** Recreated at each start. */
  TEMP: "temp",
  /** Extracted on demand. */
  LAZY: "lazy",
  /** Extracted first. */
  EAGER: "eager",
  /** Only with `FLAVOR_DEV=1`. */
  DEV: "dev",
  /** Never overwrites what is there. */
  CONFIG: "config",
  /** Only where the platform byte matches. */
  PLATFORM: "platform",
} as const;

/** One of {@linkcode SlotLifecycle}, or any other word a manifest uses. */
export type SlotLifecycleName =
  | typeof SlotLifecycle[keyof typeof SlotLifecycle]
  // `& {}` keeps the known names visible in editors.
  | (string & Record<never, never>);

/** The position is the descriptor byte. */
const ORDER: readonly string[] = Object.values(SlotLifecycle);

/** Other words for the same thing. */
const ALIASES: ReadonlyMap<string, SlotLifecycleName> = new Map([
  ["temporary", SlotLifecycle.TEMP],
  ["cached", SlotLifecycle.CACHE],
  ["development", SlotLifecycle.DEV],
]);

const DEFAULT_BYTE = ORDER.indexOf(SlotLifecycle.RUNTIME);

/**
 * Replaces an alias by the word the format documents.
 *
 * @param lifecycle The word in a manifest.
 * @returns The documented word; words without one come back unchanged.
 *
 * @example One spelling for each lifecycle
 * ```ts
 * import { normalizeLifecycle } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(normalizeLifecycle("temporary"), "temp");
 * assertEquals(normalizeLifecycle("volatile"), "volatile");
 * ```
 */
export function normalizeLifecycle(lifecycle: string): SlotLifecycleName {
  return ALIASES.get(lifecycle) ?? lifecycle;
}

/**
 * Finds the descriptor byte of a lifecycle. Launchers act on the word in the
 * metadata, not on this byte.
 *
 * @param lifecycle The word in the metadata.
 * @returns The byte; that of `runtime` for words without one.
 *
 * @example Known and unknown words
 * ```ts
 * import { lifecycleByte } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(lifecycleByte("cache"), 4);
 * assertEquals(lifecycleByte(""), 2);
 * ```
 */
export function lifecycleByte(lifecycle: string): number {
  const byte = ORDER.indexOf(normalizeLifecycle(lifecycle));
  return byte < 0 ? DEFAULT_BYTE : byte;
}

/**
 * Whether a lifecycle is one of the documented words or an alias of one.
 *
 * @param lifecycle The word in a manifest.
 * @returns `false` for a word that deserves a warning.
 *
 * @example A word without a meaning
 * ```ts
 * import { isKnownLifecycle } from "@flavor/pspf/format";
 * import { assert } from "@std/assert";
 *
 * assert(isKnownLifecycle("cached"));
 * assert(!isKnownLifecycle("forever"));
 * ```
 */
export function isKnownLifecycle(lifecycle: string): boolean {
  return ORDER.includes(normalizeLifecycle(lifecycle));
}
