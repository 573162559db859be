import type { PlatformName } from "./platform.ts";

/** What a release knows of one of its launchers. */
export interface KnownLauncher {
  /** SHA-256 of its bytes, 64 hexadecimal digits. */
  readonly sha256: string;
  /** Its length in bytes. */
  readonly size: number;
  /** The version that its marker names. */
  readonly version: string;
}

/** Launchers by platform. */
export type KnownLaunchers = Readonly<
  Partial<Record<PlatformName, KnownLauncher>>
>;

/**
 * The launchers that belong to this version. Empty here: a release writes the
 * table into what it publishes, from the launchers that it has built.
 */
export const KNOWN_LAUNCHERS: KnownLaunchers = {};
