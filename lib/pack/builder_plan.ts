import { PspfError } from "../errors.ts";
import { OperationChain } from "../format/operation_chain.ts";
import { formatPermissions } from "../format/permissions.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { ManifestProblem } from "../manifest/check_document.ts";
import { planManifest } from "../manifest/plan_manifest.ts";
import { type BuilderMetadata, metadataSections } from "./builder_metadata.ts";
import { isSlotData, type SlotData, slotDataPath } from "./slot_data.ts";
import type { SlotDescriptor } from "./slot_descriptor.ts";

/** A slot that a builder was given. */
export interface BuilderSlot {
  /** What it is. */
  readonly descriptor: SlotDescriptor;
  /** What is in it. */
  readonly data: SlotData;
}

/** Everything that a builder was told about a package. */
export interface BuilderState {
  /** Name of the application. */
  readonly name: string | undefined;
  /** Version of the application. */
  readonly version: string | undefined;
  /** What it says about itself. */
  readonly metadata: BuilderMetadata;
  /** Its slots, in order. */
  readonly slots: readonly BuilderSlot[];
  /** Whether the portable profile was asked for. */
  readonly portable: boolean;
}

const MAX_PRIORITY = 255;

/**
 * Turns what a builder was told into a plan, checked by the same rules as a
 * manifest.
 *
 * @param state What it was told.
 * @returns The plan.
 * @throws {PspfError} `manifest/invalid` with every problem in
 * `context.problems`
 */
export function planFromBuilder(state: BuilderState): BuildPlan {
  const problems: ManifestProblem[] = [];
  const { description, ...sections } = metadataSections(
    state.metadata,
    problems,
  );
  const slots = state.slots.map((slot, index) =>
    describe(slot, `slots[${index}]`, problems)
  );
  const plan = planManifest({
    package: defined({ name: state.name, version: state.version, description }),
    execution: {},
    slots,
    build: { portable: state.portable },
    ...sections,
  }, { format: "toml", name: "the builder's configuration", problems });
  return {
    ...plan,
    slots: plan.slots.map((slot, index) => {
      const priority = state.slots[index]?.descriptor.priority;
      return priority === undefined ? slot : { ...slot, priority };
    }),
  };
}

function describe(
  { descriptor, data }: BuilderSlot,
  at: string,
  problems: ManifestProblem[],
): object {
  const report = (key: string, message: string): void => {
    problems.push({ path: `${at}.${key}`, message });
  };
  const { id, name, level, purpose, lifecycle, platform } = descriptor;
  const { include, exclude, priority, modes, permissions } = descriptor;
  const isData = isSlotData(data);
  if (!isData) {
    report(
      "data",
      "is nothing that can be packed; give bytes, a Blob, a stream, or the path of a file or directory",
    );
  }
  if (
    priority !== undefined &&
    !(Number.isInteger(priority) && priority >= 0 && priority <= MAX_PRIORITY)
  ) report("priority", `is ${priority}, expected 0 to ${MAX_PRIORITY}`);
  const chain = chainOf(descriptor, (message) => report("operations", message));
  const path = isData ? slotDataPath(data) : undefined;
  // An archive that is at hand is unpacked into the workenv, wherever it says.
  const isArchive = path === undefined && data instanceof Object &&
    !("entries" in data) && chain?.isArchive === true;
  return defined({
    slot: id,
    id: name,
    source: path ?? name,
    target: descriptor.target ?? (isArchive ? "" : name),
    operations: chain?.toString(),
    level,
    purpose,
    lifecycle,
    platform,
    include,
    exclude,
    modes,
    permissions: typeof permissions === "number"
      ? octal(permissions, (message) => report("permissions", message))
      : permissions,
  });
}

function chainOf(
  { operations }: SlotDescriptor,
  report: (message: string) => void,
): OperationChain | undefined {
  try {
    if (operations === undefined) return undefined;
    if (typeof operations === "bigint") {
      return OperationChain.decode(operations);
    }
    if (typeof operations === "string") return OperationChain.parse(operations);
    return new OperationChain(operations);
  } catch (error) {
    if (!(error instanceof PspfError)) throw error;
    report(`is not valid: ${error.message}`);
    return undefined;
  }
}

function octal(
  bits: number,
  report: (message: string) => void,
): string | undefined {
  if (Number.isInteger(bits) && bits > 0 && bits <= 0o777) {
    return formatPermissions(bits);
  }
  report(`is ${bits}, expected a mode from 0o001 to 0o777`);
  return undefined;
}

function defined(
  members: Readonly<Record<string, unknown>>,
): Readonly<Record<string, unknown>> {
  return Object.fromEntries(
    Object.entries(members).filter(([, value]) => value !== undefined),
  );
}
