import { PathFilter } from "../archive/mod.ts";
import type { SlotSource, SlotSourceOpener } from "../build/mod.ts";
import { keyFingerprint } from "../crypto/mod.ts";
import { type Launcher, platformName } from "../launchers/mod.ts";
import { formatSize } from "./format_size.ts";
import { formatTable } from "./format_table.ts";
import type { Output } from "./output.ts";
import type { PackKey } from "./pack_keys.ts";
import type { PackManifest } from "./pack_manifest.ts";

/** What would be packed. */
export interface PackPlan {
  /** The manifest. */
  readonly manifest: PackManifest;
  /** The launcher. */
  readonly launcher: Launcher;
  /** The key. */
  readonly key: PackKey;
  /** The package. */
  readonly target: string;
  /** Finds the sources. */
  readonly openSource: SlotSourceOpener;
}

interface SourceSize {
  readonly files: number;
  readonly size: number;
}

interface PlannedSlot extends SourceSize {
  readonly id: string;
  readonly source: string;
  readonly target: string;
  readonly operations: string;
  readonly lifecycle: string;
}

/**
 * Shows what `flavor pack` would do; every source is looked at, none is read.
 *
 * @param plan What would be packed.
 * @param output Where it is shown.
 * @throws {PspfError} `io/not-found`, `io/denied`
 */
export async function showPlan(plan: PackPlan, output: Output): Promise<void> {
  const { manifest, launcher, key, target, openSource } = plan;
  const fingerprint = await keyFingerprint(key.keyPair.publicKey);
  const slots: PlannedSlot[] = [];
  for (const slot of manifest.plan.slots) {
    const { files, size } = await measure(
      await openSource(slot.source, slot.id),
      new PathFilter(slot),
    );
    slots.push({
      id: slot.id,
      source: slot.source,
      target: slot.target,
      operations: slot.operations?.toString() ?? "automatic",
      lifecycle: slot.lifecycle,
      files,
      size,
    });
  }
  for (const warning of manifest.plan.warnings) output.warn(warning);
  output.result(
    {
      dry_run: true,
      manifest: manifest.path,
      package: target,
      name: manifest.plan.package.name,
      version: manifest.plan.package.version,
      platform: platformName(launcher.platform),
      launcher: launcher.path,
      key: key.origin,
      fingerprint: key.origin === "ephemeral" ? null : fingerprint,
      slots: slots.map((slot) => ({ ...slot })),
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
          [
            "key",
            key.origin === "ephemeral"
              ? "made for this build"
              : `${key.origin}, sha256:${fingerprint}`,
          ],
        ]),
        "",
        formatTable([
          ["SLOT", "SOURCE", "FILES", "SIZE", "OPERATIONS", "TARGET"],
          ...slots.map((slot) => [
            slot.id,
            slot.source,
            String(slot.files),
            formatSize(slot.size),
            slot.operations,
            slot.target,
          ]),
        ], [2, 3]),
        "Nothing was written.",
      ].join("\n"),
  );
}

async function measure(
  source: SlotSource,
  filter: PathFilter,
): Promise<SourceSize> {
  if (source.kind === "file") {
    await using bytes = source.bytes;
    return { files: 1, size: bytes.size };
  }
  let files = 0;
  let size = 0;
  for await (const entry of source.tree.entries()) {
    if (entry.kind !== "file" || !filter.takes(entry.path, "file")) continue;
    files++;
    size += entry.size;
  }
  return { files, size };
}
