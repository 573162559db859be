import { OperationChain } from "../format/operations.ts";
import {
  KNOWN_LIFECYCLES,
  KNOWN_PURPOSES,
  parsePermissions,
} from "../format/slot_words.ts";

import { DEFAULT_PERMISSIONS } from "../format/constants.ts";
import type { SlotSpec } from "./build_plan.ts";
import type { SlotDocument } from "./manifest_document.ts";
import type { PlanNotes } from "./plan_notes.ts";
import type { ManifestFormat } from "./schema.ts";
import { workenvPath } from "./workenv_path.ts";

/** What slots inherit from the rest of the manifest. */
export interface SlotDefaults {
  /** How the manifest is written. */
  readonly format: ManifestFormat;
  /** Compression level of slots that do not name one. */
  readonly level?: number;
}

/**
 * Turns the slots of a manifest into plans, and reports what no schema can
 * see: positions, repeated ids and repeated targets.
 *
 * @param slots Slots, `undefined` where one does not fit the schema.
 * @param defaults What they inherit.
 * @param notes Takes problems and warnings.
 * @returns One plan per slot that fits.
 */
export function planSlots(
  slots: readonly (SlotDocument | undefined)[],
  defaults: SlotDefaults,
  notes: PlanNotes,
): readonly SlotSpec[] {
  const ids = new Map<string, number>();
  const targets = new Map<string, number>();
  return slots.flatMap((slot, index) => {
    if (slot === undefined) return [];
    const at = `slots[${index}]`;
    if (typeof slot.slot === "number" && slot.slot !== index) {
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
    warnAboutWords(slot, at, notes);
    return planSlot(slot, target, defaults);
  });
}

function planSlot(
  slot: SlotDocument,
  target: string,
  defaults: SlotDefaults,
): SlotSpec {
  const isJson = defaults.format === "json";
  // The existing builders store what a JSON manifest does not mention as it is.
  const operations = slot.operations ?? (isJson ? "raw" : undefined);
  const permissions = slot.permissions === undefined ||
      slot.permissions === null
    ? (isJson ? DEFAULT_PERMISSIONS : undefined)
    : parsePermissions(slot.permissions);
  const level = slot.level ?? defaults.level;
  const platform = slot.platform ?? "any";
  return {
    id: slot.id,
    source: slot.source,
    include: slot.include ?? [],
    exclude: slot.exclude ?? [],
    target,
    ...(operations === undefined
      ? {}
      : { operations: OperationChain.parse(operations) }),
    ...(level === undefined ? {} : { level }),
    purpose: slot.purpose ?? "data",
    lifecycle: slot.lifecycle ?? "runtime",
    modes: slot.modes ?? "owner",
    ...(permissions === undefined ? {} : { permissions }),
    platform: platform === "macos" ? "darwin" : platform,
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

function warnAboutWords(
  slot: SlotDocument,
  at: string,
  notes: PlanNotes,
): void {
  const { purpose, lifecycle } = slot;
  if (typeof purpose === "string" && !KNOWN_PURPOSES.includes(purpose)) {
    notes.warn(`${at}.purpose`, `"${purpose}" is not known; kept as it is`);
  }
  if (typeof lifecycle === "string" && !KNOWN_LIFECYCLES.includes(lifecycle)) {
    notes.warn(`${at}.lifecycle`, `"${lifecycle}" is not known; kept as it is`);
  }
  if (typeof slot.encoding === "string") {
    notes.warn(`${at}.encoding`, 'has no effect; did you mean "operations"?');
  }
}
