/**
 * No launcher. A release stages this package with a module for each platform;
 * a checkout has the launchers that it builds, in `dist/bin/`.
 *
 * @module
 */

/** The launcher: its length in bytes, and its bytes (zstd, then base64). */
export const launcher: { size: number; zstd: string } | undefined = undefined;
