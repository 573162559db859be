import type { ManifestFile } from "../pack/manifest_file.ts";
import { countFiles, type SettledPlan } from "../pack/mod.ts";
import { keyFingerprint } from "../crypto/mod.ts";
import { type Launcher, platformName } from "../launchers/mod.ts";
import type { Output } from "./output.ts";
import type { PackKey } from "./pack_keys.ts";
import { formatSize, formatTable } from "./text.ts";

/** What would be packed. */
export interface PackPlan {
  /** The manifest. */
  readonly manifest: ManifestFile;
  /** The launcher. */
  readonly launcher: Launcher;
  /** The key. */
  readonly key: PackKey;
  /** The package. */
  readonly target: string;
  /** What the builder decided. */
  readonly settled: SettledPlan;
}

/**
 * Shows what `flavor pack` would do; every source has been looked at, none read.
 */
export async function showPlan(plan: PackPlan, output: Output): Promise<void> {
  const { manifest, launcher, key, target, settled } = plan;
  const fingerprint = await keyFingerprint(key.keyPair.publicKey);
  const slots = settled.slots.map((slot) => ({
    id: slot.plan.id,
    source: slot.plan.source,
    target: slot.plan.target,
    operations: slot.operations.toString(),
    lifecycle: slot.plan.lifecycle,
    files: countFiles(slot),
    content_size: slot.inputSize,
  }));
  for (const warning of settled.warnings) output.warn(warning);
  output.result(
    {
      dry_run: true,
      manifest: manifest.path,
      package: target,
      name: manifest.plan.package.name,
      version: manifest.plan.package.version,
      platform: platformName(launcher.platform),
      launcher: launcher.path,
      portable: settled.portable,
      key: key.origin,
      fingerprint: key.origin === "ephemeral" ? null : fingerprint,
      slots,
    },
    () =>
      [
        formatTable([
          [
            "package",
            `${manifest.plan.package.name} ${manifest.plan.package.version}`,
          ],
          ["output", target],
          ["platform", platformName(launcher.platform)],
          ["launcher", `${launcher.path} (${launcher.chosenBy})`],
          ...(settled.portable
            ? [["profile", "portable: what the existing launchers can do"]]
            : []),
          [
            "key",
            key.origin === "ephemeral"
              ? "made for this build"
              : `${key.origin}, ${fingerprint}`,
          ],
        ]),
        "",
        formatTable([
          ["SLOT", "SOURCE", "FILES", "SIZE", "OPERATIONS", "TARGET"],
          ...slots.map((slot) => [
            slot.id,
            slot.source,
            String(slot.files),
            formatSize(slot.content_size),
            slot.operations,
            slot.target,
          ]),
        ], [2, 3]),
        "Nothing was written.",
      ].join("\n"),
  );
}
