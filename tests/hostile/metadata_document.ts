/**
 * The metadata document of a package that is right.
 *
 * @module
 */

import type { SlotDraft } from "./package_draft.ts";
import { sha256 } from "./signing_key.ts";

/** A JSON value that a case may still change. */
export type Json = null | boolean | number | string | Json[] | {
  [key: string]: Json;
};

/**
 * Describes a package so that both readers accept it.
 *
 * @param launcher The launcher at its front.
 * @param slots Its slots.
 * @returns The document, free to be changed.
 */
export function describePackage(
  launcher: Uint8Array,
  slots: readonly SlotDraft[],
): Record<string, Json> {
  return {
    format: "PSPF/2025",
    format_version: "1.0.0",
    package: { name: "hostile", version: "1.0.0" },
    slots: slots.map(describeSlot),
    execution: { primary_slot: 0, command: "true" },
    verification: {
      integrity_seal: { required: true, algorithm: "ed25519" },
      signed: true,
      require_verification: true,
    },
    build: {
      tool: "hostile",
      tool_version: "1.0.0",
      timestamp: "1970-01-01T00:00:00Z",
      deterministic: true,
      platform: { os: "any", arch: "any", host: "any" },
    },
    launcher: {
      tool: "hostile",
      tool_version: "1.0.0",
      size: launcher.length,
      checksum: launcherChecksum(launcher),
      capabilities: [],
    },
    compatibility: { min_format_version: "1.0.0", features: [] },
    setup_commands: [],
  };
}

function describeSlot(slot: SlotDraft, index: number): Json {
  const permissions = slot.permissions ?? 0o644;
  return {
    slot: index,
    id: `slot${index}`,
    source: `slot${index}`,
    target: slot.target ?? `slot${index}`,
    size: slot.stored.length,
    checksum: `sha256:${sha256(slot.stored).toString("hex")}`,
    operations: slot.operations ?? "raw",
    purpose: "data",
    lifecycle: slot.lifecycle ?? "runtime",
    permissions: permissions.toString(8).padStart(4, "0"),
    resolution: "build",
    ...slot.json,
  };
}

/** Thousands of packages share one launcher; hashing it once is enough. */
const CHECKSUMS = new WeakMap<Uint8Array, string>();

function launcherChecksum(launcher: Uint8Array): string {
  const known = CHECKSUMS.get(launcher);
  if (known !== undefined) return known;
  const checksum = `sha256:${sha256(launcher).toString("hex")}`;
  CHECKSUMS.set(launcher, checksum);
  return checksum;
}
