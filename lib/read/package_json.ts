import type { JsonValue } from "../errors.ts";
import type { VerifyCheck } from "./check_log.ts";
import type {
  Change,
  ChangedPart,
  PackageChanges,
} from "./compare_packages.ts";
import type { PackageSummary } from "./inspect_package.ts";
import type { ListedFile } from "./listed_files.ts";
import { isTrusted, type Verdict } from "./verdict.ts";

/*
 * What is said about packages to programs: by the command line with `--json`,
 * by the web service always.
 */

type Contents = readonly (readonly ListedFile[])[];

/** A package; `contents` has the files of each slot, where they were listed. */
export function summaryJson(
  summary: PackageSummary,
  contents?: Contents,
): JsonValue {
  const { execution } = summary;
  return {
    package: summary.name,
    format: "PSPF/2025",
    format_version: "0x20250001",
    size: summary.size,
    package_metadata: { ...summary.package },
    builder: summary.builder ?? null,
    built: summary.timestamp ?? null,
    sealed: summary.sealed,
    public_key: summary.publicKey,
    fingerprint: summary.fingerprint,
    launcher: summary.launcher ?? null,
    launcher_size: summary.launcherSize,
    metadata_size: summary.metadataSize.stored,
    metadata_plain_size: summary.metadataSize.plain,
    metadata_sha256: summary.metadataSha256,
    platform_signature: summary.platformSignature?.kind ?? null,
    execution: {
      command: execution.command,
      argv: execution.argv ?? null,
      args: execution.args ?? [],
      primary_slot: execution.primarySlot,
      env: execution.env,
    },
    slots: summary.slots.map((slot) => ({
      index: slot.index,
      name: slot.id,
      purpose: slot.purpose,
      lifecycle: slot.lifecycle,
      target: slot.target,
      source: slot.source,
      operations: slot.operations,
      offset: slot.offset,
      size: slot.size,
      original_size: slot.originalSize,
      permissions: slot.permissions,
      checksum: slot.checksum,
      ...(contents && {
        files: (contents[slot.index] ?? []).map((file) => ({ ...file })),
      }),
    })),
    checks: summary.checks.map(checkJson),
  };
}

/** One check. */
export function checkJson(
  { id, status, code, detail, hint }: VerifyCheck,
): JsonValue {
  return { id, status, ...(code && { code }), detail, ...(hint && { hint }) };
}

/** What was found out about one package. */
export function verdictJson(verdict: Verdict): Record<string, JsonValue> {
  const { path, valid, level, checks, signer } = verdict;
  return {
    package: path,
    valid,
    level,
    fingerprint: signer ?? null,
    trusted: isTrusted(verdict) ?? null,
    checks: checks.map(checkJson),
  };
}

/** Whether a comparison found nothing. */
export function isSame({ facts, slots }: PackageChanges): boolean {
  return facts.length === 0 && slots.length === 0;
}

/** A comparison of two packages, which keep the names that the caller gave them. */
export function changesJson(
  before: string,
  after: string,
  changes: PackageChanges,
): JsonValue {
  return {
    same: isSame(changes),
    before,
    after,
    facts: changes.facts.map(changeJson),
    slots: changes.slots.map((slot) => ({
      ...partJson(slot),
      files: slot.files.map(partJson),
    })),
  };
}

function changeJson({ key, before, after }: Change): JsonValue {
  return { key, before: before ?? null, after: after ?? null };
}

function partJson(
  { name, status, changes }: ChangedPart,
): Record<string, JsonValue> {
  return { name, status, changes: changes.map(changeJson) };
}
