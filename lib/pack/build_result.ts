import { OperationChain } from "../format/operation_chain.ts";
import { DEFAULT_PRIORITY } from "../format/constants.ts";
import { PspfError } from "../errors.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildReport } from "./build_report.ts";
import type { BuiltSlotDescriptor, SlotDescriptor } from "./slot_descriptor.ts";

/** A package that was written. */
export interface BuildResult {
  /** Where it is, absolute. */
  readonly path: string;
  /** What was built. */
  readonly report: BuildReport;
  /** Its slots, with everything that the build decided. */
  readonly slots: readonly BuiltSlotDescriptor[];
  /**
   * Whether the key was made for this build alone: then the signature proves
   * that nothing was changed, but not who made the package.
   */
  readonly isKeyEphemeral: boolean;
}

/**
 * Describes the slots of a package that was built.
 *
 * @param plan What was to be built.
 * @param report What was built.
 * @returns The slots, in order.
 */
export function describeSlots(
  plan: BuildPlan,
  report: BuildReport,
): readonly BuiltSlotDescriptor[] {
  return plan.slots.flatMap((slot, index) => {
    const built = report.slots[index];
    if (built === undefined) return [];
    return {
      id: index,
      name: slot.id,
      offset: built.offset,
      size: built.size,
      checksum: `sha256:${built.digest}`,
      operations: OperationChain.parse(built.operations),
      originalSize: built.originalSize,
      purpose: slot.purpose,
      lifecycle: slot.lifecycle,
      priority: slot.priority ?? DEFAULT_PRIORITY,
      platform: slot.platform,
      permissions: built.permissions,
      target: built.target,
    };
  });
}

/**
 * Compares slots with what was expected of them.
 *
 * @param expected Descriptors as they were given.
 * @param built The same slots as they came out.
 * @throws {PspfError} `build/failed` at the first that differs
 */
export function checkExpectations(
  expected: readonly SlotDescriptor[],
  built: readonly BuiltSlotDescriptor[],
): void {
  for (const [index, { name, offset, size, checksum }] of expected.entries()) {
    const slot = built[index];
    if (slot === undefined) continue;
    const digest = checksum?.replace(/^(?:sha256:)*/, "").toLowerCase();
    check(name, "offset", offset, slot.offset);
    check(name, "size", size, slot.size);
    check(
      name,
      "checksum",
      digest === undefined ? undefined : `sha256:${digest}`,
      slot.checksum,
    );
  }
}

function check(
  slot: string,
  what: string,
  expected: number | string | undefined,
  actual: number | string,
): void {
  if (expected === undefined || expected === actual) return;
  throw new PspfError(
    "build/failed",
    `Slot "${slot}" was expected to have the ${what} ${expected}, but has ${actual}`,
    {
      context: { slot, field: what, expected, actual },
      hint:
        `Leave ${what} out of its descriptor, or look at what changed in its source`,
    },
  );
}
