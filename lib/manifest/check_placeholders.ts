import { memberPath } from "./check_document.ts";
import type { PlanNotes } from "./plan_notes.ts";

const SLOT_REGEXP = /\{slot:([^{}]*)\}/g;

/**
 * Reports every `{slot:N}` that names a slot which does not exist: the
 * launcher would only notice on the user's machine.
 *
 * @param value A section of the manifest.
 * @param path Where the section is.
 * @param slotCount Number of slots.
 * @param notes Takes problems.
 */
export function checkPlaceholders(
  value: unknown,
  path: string,
  slotCount: number,
  notes: PlanNotes,
): void {
  if (typeof value === "string") {
    for (const [text, number = ""] of value.matchAll(SLOT_REGEXP)) {
      if (/^\d+$/.test(number) && Number(number) < slotCount) continue;
      notes.problem(path, `holds ${text}, but there is no such slot`);
    }
  } else if (Array.isArray(value)) {
    for (const [index, item] of value.entries()) {
      checkPlaceholders(item, `${path}[${index}]`, slotCount, notes);
    }
  } else if (typeof value === "object" && value !== null) {
    for (const [key, item] of Object.entries(value)) {
      checkPlaceholders(item, memberPath(path, key), slotCount, notes);
    }
  }
}
