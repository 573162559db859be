import { encodeHex } from "@std/encoding/hex";
import { keyFingerprint } from "../crypto/fingerprint.ts";
import { PspfError } from "../errors.ts";
import { MAX_PORTABLE_SLOT_COUNT } from "../format/constants.ts";
import { operationName } from "../format/operation.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { buildMetadata, recordedSource } from "./build_metadata.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuildReport, SlotReport } from "./build_report.ts";
import type { BuiltSlot } from "./built_slot.ts";
import { checkTargets } from "./check_targets.ts";
import { inspectLauncher, type LauncherFacts } from "./inspect_launcher.ts";
import { type OpenedSlot, openSlot } from "./opened_slot.ts";
import { portableExecution, warnAboutOwnKeys } from "./portable_rules.ts";
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
  const { sourceDateEpoch = 0, keyPair, signal } = options;
  signal?.throwIfAborted();
  const launcher = await inspectLauncher(options.launcher, signal);
  const portable = options.portable ??
    (plan.portable || launcher.operations === undefined);
  const warnings = [...plan.warnings];
  checkSlotCount(plan, portable);
  warnAboutLauncher(launcher, portable, plan, options, warnings);

  const opened: OpenedSlot[] = [];
  for (const [index, slot] of plan.slots.entries()) {
    const one = await openSlot(slot, {
      index,
      portable,
      openSource: options.openSource,
      ...(signal === undefined ? {} : { signal }),
    });
    if (one.input.kind === "file") resources.use(one.input.bytes);
    opened.push(one);
    warnings.push(...one.warnings);
  }
  checkTargets(opened);
  checkLauncherOperations(opened, launcher, portable);
  if (portable) warnAboutOwnKeys(plan, (text) => warnings.push(text));

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
  const { plan, index, input, target, permissions } = slot.opened;
  const { kept, originalSize, size } = slot;
  const files = input.kind === "file"
    ? 1
    : input.list.members.filter(({ kind }) => kind === "file").length;
  return {
    index,
    id: plan.id,
    source: recordedSource(plan.source),
    target,
    permissions,
    operations: slot.operations.toString(),
    kept,
    cached: slot.isCached,
    files,
    originalSize,
    offset,
    size,
    digest: encodeHex(slot.digest),
  };
}

function checkSlotCount(plan: BuildPlan, portable: boolean): void {
  const actual = plan.slots.length;
  if (!portable || actual <= MAX_PORTABLE_SLOT_COUNT) return;
  throw new PspfError(
    "build/limit",
    `Cannot build ${plan.package.name} in the portable profile: it has ${actual} slots, the most is ${MAX_PORTABLE_SLOT_COUNT}`,
    {
      context: { actual, limit: MAX_PORTABLE_SLOT_COUNT },
      hint: "Use directories as slots, or a launcher of ours",
    },
  );
}

function warnAboutLauncher(
  launcher: LauncherFacts,
  portable: boolean,
  plan: BuildPlan,
  options: BuildOptions,
  warnings: string[],
): void {
  if (launcher.operations !== undefined) return;
  if (!portable) {
    warnings.push(
      "the launcher is not ours: it may not be able to undo zstd, or to start the package at all",
    );
  } else if (options.portable === undefined && !plan.portable) {
    warnings.push("the launcher is not ours: the portable profile was chosen");
  }
}

/** A package that its own launcher cannot unpack is no package. */
function checkLauncherOperations(
  slots: readonly OpenedSlot[],
  launcher: LauncherFacts,
  portable: boolean,
): void {
  const known = launcher.operations;
  if (known === undefined || portable) return;
  for (const { plan, operations } of slots) {
    const names = [...operations].map(operationName);
    const missing = names.find((name) => !known.has(name));
    if (missing === undefined) continue;
    throw new PspfError(
      "build/limit",
      `Cannot build slot "${plan.id}": the launcher cannot undo ${missing}`,
      {
        context: { slot: plan.id, operation: missing, known: [...known] },
        hint: `Use ${[...known].join(", ")}, or a newer launcher`,
      },
    );
  }
}
