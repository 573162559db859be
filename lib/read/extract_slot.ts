import { extractTar } from "../archive/extract_tar.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import type { OpenedPackage } from "./open_package.ts";
import type { PackageSlot } from "./package_slot.ts";
import { isSelfReference } from "./slot_digest.ts";
import { slotPath } from "./slot_path.ts";
import { streamSlot, type StreamSlotOptions } from "./stream_slot.ts";

/** Options of {@linkcode extractSlot}. */
export type ExtractOptions = Omit<StreamSlotOptions, "raw">;

/**
 * Extracts one slot the way a launcher does: an archive at the root of the
 * target, a single file at the slot's own target. The target refuses to leave
 * its root; it is not finished, so that more slots can follow.
 *
 * Files are written while the digest is still being computed. When this
 * throws, what was written is not to be trusted.
 *
 * @param opened The package.
 * @param slot One of its slots.
 * @param target Where it goes.
 * @param options Abort signal and progress.
 * @throws {PspfError} `archive/*`, `compress/*`, `verify/slot-digest`,
 * `format/bad-slot`, `format/bad-metadata`, `format/bad-operations`, `io/*`
 */
export async function extractSlot(
  opened: OpenedPackage,
  slot: PackageSlot,
  target: ExtractTarget,
  options: ExtractOptions = {},
): Promise<void> {
  // Launchers make such a slot out of their own file; there is nothing inside.
  if (isSelfReference(slot)) return;
  if (slot.operations.isArchive) {
    await extractTar(streamSlot(opened, slot, options), target);
    return;
  }
  const path = slotPath(slot, opened.metadata.package);
  await target.file(
    path,
    slot.permissions,
    slot.contentSize,
    streamSlot(opened, slot, options),
  );
}
