import { PspfError } from "../errors.ts";
import { DEFAULT_PERMISSIONS } from "./constants.ts";

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
  // Keeps the known names visible in editors.
  | (string & Record<never, never>);

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
  | (string & Record<never, never>);

/** Platforms that a slot can be bound to, with their descriptor bytes. */
export const SLOT_PLATFORMS = {
  any: 0,
  linux: 1,
  darwin: 2,
  windows: 3,
} as const;

/** A platform that a slot can be bound to. */
export type SlotPlatform = keyof typeof SLOT_PLATFORMS;

/** The position is the descriptor byte. */
const LIFECYCLES: readonly string[] = Object.values(SlotLifecycle);

const LIFECYCLE_ALIASES: ReadonlyMap<string, SlotLifecycleName> = new Map([
  ["temporary", SlotLifecycle.TEMP],
  ["cached", SlotLifecycle.CACHE],
  ["development", SlotLifecycle.DEV],
]);

const PURPOSE_BYTES: ReadonlyMap<string, number> = new Map([
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
const PLAIN_PURPOSES: ReadonlySet<string> = new Set([
  "asset",
  "library",
  "binary",
  "installer",
]);

/** Every word that has a meaning, for suggestions. */
export const KNOWN_LIFECYCLES: readonly string[] = [
  ...LIFECYCLES,
  ...LIFECYCLE_ALIASES.keys(),
];

/** Every word that has a meaning, for suggestions. */
export const KNOWN_PURPOSES: readonly string[] = [
  ...PURPOSE_BYTES.keys(),
  ...PLAIN_PURPOSES,
];

/** The documented word for an alias; other words come back unchanged. */
export function normalizeLifecycle(lifecycle: string): SlotLifecycleName {
  return LIFECYCLE_ALIASES.get(lifecycle) ?? lifecycle;
}

/** The descriptor byte of a lifecycle: that of `runtime` for unknown words. */
export function lifecycleByte(lifecycle: string): number {
  const byte = LIFECYCLES.indexOf(normalizeLifecycle(lifecycle));
  return byte < 0 ? LIFECYCLES.indexOf(SlotLifecycle.RUNTIME) : byte;
}

/** The descriptor byte of a purpose: 0 for unknown words. */
export function purposeByte(purpose: string): number {
  return PURPOSE_BYTES.get(purpose) ?? 0;
}

const STRICT_MODE_REGEXP = /^(?:0o?)?([0-7]{3,4})$/;
const LENIENT_MODE_REGEXP = /^(?:0o)?([0-7]+)$/;
const MAX_STORED_MODE = 0xffff;

/**
 * Parses the permission bits of a manifest. Existing builders fall back to 0600
 * for what they cannot read; here it is an error.
 */
export function parsePermissions(text: string): number {
  const digits = STRICT_MODE_REGEXP.exec(text)?.[1];
  const bits = digits === undefined ? 0 : Number.parseInt(digits, 8);
  if (bits >= 1 && bits <= 0o777) return bits;
  throw new PspfError(
    "manifest/invalid",
    `Cannot use permissions "${text}": expected an octal mode up to 0777`,
    {
      context: { actual: text },
      hint:
        'Write three octal digits like "755"; setuid and sticky bits are not packed',
    },
  );
}

/** Four octal digits, as the metadata holds them. */
export function formatPermissions(bits: number): string {
  return bits.toString(8).padStart(4, "0");
}

/**
 * Parses the permission word of a package as leniently as launchers do: the 16
 * bits that a builder would have stored, or `undefined` for a word that is not
 * an octal number.
 */
export function parseStoredPermissions(
  text: string | undefined,
): number | undefined {
  if (text === undefined || text === "") return DEFAULT_PERMISSIONS;
  const digits = LENIENT_MODE_REGEXP.exec(text)?.[1];
  const bits = digits === undefined ? NaN : Number.parseInt(digits, 8);
  return bits <= MAX_STORED_MODE ? bits : undefined;
}
