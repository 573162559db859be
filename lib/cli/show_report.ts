import type { BuildReport } from "../pack/mod.ts";
import type { Output } from "./output.ts";
import type { KeyOrigin } from "./pack_keys.ts";
import { formatCount, formatSize, formatTable } from "./text.ts";

/** What there is to say about a package that was built. */
export interface PackResult {
  /** Where it is. */
  readonly path: string;
  /** What is in it. */
  readonly report: BuildReport;
  /** The launcher at its front. */
  readonly launcher: string;
  /** What it runs on. */
  readonly platform: string;
  /** Where the key came from. */
  readonly keyOrigin: KeyOrigin;
  /** Whether it was verified. */
  readonly verified: boolean;
  /** How long it took, in milliseconds. */
  readonly elapsedMs: number;
}

/** Says what was packed; beside a package on standard output, as notes. */
export function showReport(
  result: PackResult,
  output: Output,
  isPiped: boolean,
): void {
  const { path, report, launcher, platform, keyOrigin, verified } = result;
  const seconds = (result.elapsedMs / 1000).toFixed(1);
  const rows = report.slots.map((slot) => [
    `  ${slot.id}`,
    slot.operations === "" ? "raw" : slot.operations,
    formatCount(slot.files, "file"),
    formatSize(slot.contentSize),
    "->",
    formatSize(slot.size),
  ]);
  const text = (): string =>
    [
      ...(rows.length === 0 ? [] : [formatTable(rows, [3, 5])]),
      `${output.paint.good("packed")} ${path}  ${
        formatSize(report.packageSize)
      }  ${platform}  ${verified ? "verified" : "not verified"}  ${seconds} s`,
    ].join("\n");
  if (isPiped) return output.note(text());
  output.report(
    {
      package: path,
      size: report.packageSize,
      platform,
      portable: report.portable,
      launcher,
      launcher_size: report.launcherSize,
      metadata_size: report.metadataSize,
      metadata_sha256: report.metadataDigest,
      fingerprint: report.keyFingerprint,
      key: keyOrigin,
      verified,
      slots: report.slots.map((slot) => ({
        index: slot.index,
        id: slot.id,
        source: slot.source,
        target: slot.target,
        operations: slot.operations,
        files: slot.files,
        content_size: slot.contentSize,
        original_size: slot.originalSize,
        size: slot.size,
        sha256: slot.digest,
      })),
      warnings: report.warnings,
    },
    text,
  );
}
