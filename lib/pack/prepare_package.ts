import { encodeHex } from "@std/encoding/hex";
import { keyFingerprint } from "../crypto/fingerprint.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { buildMetadata, recordedSource } from "./build_metadata.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuildReport, SlotReport } from "./build_report.ts";
import type { BuiltSlot } from "./built_slot.ts";
import { countFiles } from "./opened_slot.ts";
import { portableExecution } from "./portable_rules.ts";
import { settlePlan } from "./settle_plan.ts";
import { type SignedParts, signPackage } from "./sign_package.ts";
import { spoolSlots } from "./spool_slots.ts";

/** A package of which every byte is settled. */
export interface PreparedPackage {
  /** The parts around the slots. */
  readonly parts: SignedParts;
  /** The slots, by their place in the spool. */
  readonly slots: readonly BuiltSlot[];
  /** The stored bytes of all slots. */
  readonly spool: RandomAccessSource;
  /** What was built. */
  readonly report: BuildReport;
}

/**
 * Does everything but write the package: finds and encodes the sources, and
 * signs.
 *
 * @param plan What the manifest says.
 * @param options Launcher, key and host.
 * @param resources Owns what has to be closed when the package is written.
 * @returns The package.
 * @throws {PspfError} what sources, codecs and spool throw, `manifest/invalid`,
 * `build/failed`, `build/limit`, `build/source-changed`
 */
export async function preparePackage(
  plan: BuildPlan,
  options: BuildOptions,
  resources: AsyncDisposableStack,
): Promise<PreparedPackage> {
  const { sourceDateEpoch = 0, keyPair } = options;
  const settled = await settlePlan(plan, options, resources);
  const { launcher, portable, slots: opened } = settled;
  const warnings = [...settled.warnings];

  const spool = resources.use(await options.createSpool());
  const slots = await spoolSlots(
    opened,
    spool,
    options,
    (message) => warnings.push(message),
  );
  const execution = portable
    ? portableExecution(plan.execution, (text) => warnings.push(text))
    : plan.execution;
  const parts = await signPackage({
    metadata: buildMetadata(plan, { slots, launcher, execution, options }),
    slots,
    launcher,
    keyPair,
    buildTimestamp: sourceDateEpoch,
  });
  return {
    parts,
    slots,
    spool: resources.use(await spool.finish()),
    report: {
      packageSize: parts.layout.packageSize,
      launcherSize: launcher.size,
      metadataSize: parts.metadata.length,
      metadataDigest: encodeHex(parts.metadataDigest),
      portable,
      keyFingerprint: await keyFingerprint(keyPair.publicKey),
      slots: slots.map((slot, index) =>
        reportSlot(slot, parts.layout.slotOffsets[index] ?? 0)
      ),
      warnings,
    },
  };
}

function reportSlot(slot: BuiltSlot, offset: number): SlotReport {
  const { plan, index, target, permissions } = slot.opened;
  const { kept, originalSize, size } = slot;
  return {
    index,
    id: plan.id,
    source: recordedSource(plan.source),
    target,
    permissions,
    operations: slot.operations.toString(),
    kept,
    cached: slot.isCached,
    files: countFiles(slot.opened),
    contentSize: slot.opened.inputSize,
    originalSize,
    offset,
    size,
    digest: encodeHex(slot.digest),
  };
}
