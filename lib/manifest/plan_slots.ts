import { DEFAULT_PERMISSIONS } from "../format/constants.ts";
import { OperationChain } from "../format/operations.ts";
import { parsePermissions } from "../format/slot_words.ts";
import type { SlotSpec } from "./build_plan.ts";
import type { PlanNotes } from "./check_document.ts";
import type { SlotDocument } from "./manifest_schema.ts";
import type { ManifestFormat } from "./schema.ts";
import { workenvPath } from "./value_checks.ts";

/** Slots at their positions; `undefined` where one does not fit the schema. */
export type SoundSlots = readonly (SlotDocument | undefined)[];

/** What slots inherit from the rest of the manifest. */
interface SlotDefaults {
  readonly format: ManifestFormat;
  readonly level: number | undefined;
}

/**
 * Turns slots into plans, and reports what no schema can see: positions,
 * repeated ids and repeated targets.
 */
export function planSlots(
  slots: SoundSlots,
  defaults: SlotDefaults,
  notes: PlanNotes,
): readonly SlotSpec[] {
  const ids = new Map<string, number>();
  const targets = new Map<string, number>();
  return slots.flatMap((slot, index) => {
    if (slot === undefined) return [];
    const at = `slots[${index}]`;
    if (slot.slot !== undefined && slot.slot !== index) {
      notes.problem(
        `${at}.slot`,
        `is ${slot.slot}, but the position is ${index}`,
      );
    }
    reportRepeated(ids, slot.id, index, `${at}.id`, notes);
    const target = workenvPath(slot.target);
    // Only the workenv itself can take the content of several slots.
    if (target !== "") {
      reportRepeated(targets, target, index, `${at}.target`, notes);
    }
    return planSlot(slot, target, defaults);
  });
}

function planSlot(
  slot: SlotDocument,
  target: string,
  { format, level }: SlotDefaults,
): SlotSpec {
  const isJson = format === "json";
  // The existing builders store what a JSON manifest does not mention as it is.
  const operations = slot.operations ?? (isJson ? "raw" : undefined);
  const { permissions, platform } = slot;
  return {
    id: slot.id,
    source: slot.source,
    include: slot.include ?? [],
    exclude: slot.exclude ?? [],
    target,
    operations: operations === undefined
      ? undefined
      : OperationChain.parse(operations),
    level: slot.level ?? level,
    purpose: slot.purpose ?? "data",
    lifecycle: slot.lifecycle ?? "runtime",
    modes: slot.modes ?? "owner",
    permissions: permissions
      ? parsePermissions(permissions)
      : isJson
      ? DEFAULT_PERMISSIONS
      : undefined,
    platform: platform === "macos" ? "darwin" : platform ?? "any",
    resolution: slot.resolution ?? "build",
  };
}

function reportRepeated(
  seen: Map<string, number>,
  value: string,
  index: number,
  path: string,
  notes: PlanNotes,
): void {
  const first = seen.get(value);
  if (first === undefined) seen.set(value, index);
  else notes.problem(path, `is "${value}" like that of slots[${first}]`);
}
