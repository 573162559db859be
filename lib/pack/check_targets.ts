import { PspfError } from "../errors.ts";
import type { OpenedSlot } from "./opened_slot.ts";

/**
 * Refuses a file where another slot needs a directory: which of the two would
 * be there depends on the order of extraction.
 *
 * @param slots All slots.
 * @throws {PspfError} `manifest/invalid`
 */
export function checkTargets(slots: readonly OpenedSlot[]): void {
  const files = new Map<string, OpenedSlot>();
  for (const slot of slots) {
    if (!slot.operations.isArchive) files.set(slot.plan.target, slot);
  }
  for (const { plan, index, operations } of slots) {
    const inside = operations.isArchive ? `${plan.target}/` : plan.target;
    for (
      let at = inside.indexOf("/");
      at > 0;
      at = inside.indexOf("/", at + 1)
    ) {
      const file = files.get(inside.slice(0, at));
      if (file === undefined) continue;
      const what = `"${plan.target}" is below the file of slots[${file.index}]`;
      throw new PspfError(
        "manifest/invalid",
        `Cannot build slot "${plan.id}": its target ${what}`,
        {
          context: {
            slot: plan.id,
            problems: [{ path: `slots[${index}].target`, message: what }],
          },
          hint: "Give the two slots different targets",
        },
      );
    }
  }
}
