import { PspfError } from "../errors.ts";
import { MAX_PORTABLE_SLOT_COUNT } from "../format/constants.ts";
import { operationName } from "../format/operation.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildOptions } from "./build_options.ts";
import { checkTargets } from "./check_targets.ts";
import { inspectLauncher, type LauncherFacts } from "./inspect_launcher.ts";
import { type OpenedSlot, openSlot } from "./opened_slot.ts";
import { warnAboutOwnKeys } from "./portable_rules.ts";

/** A plan of which everything is decided that can be without reading. */
export interface SettledPlan {
  /** What is known of the launcher. */
  readonly launcher: LauncherFacts;
  /** Whether every limit of the existing launchers is kept. */
  readonly portable: boolean;
  /** The slots, with their sources found and their operations chosen. */
  readonly slots: readonly OpenedSlot[];
  /** What is odd, but not wrong. */
  readonly warnings: readonly string[];
}

/** The part of {@linkcode BuildOptions} that a plan depends on. */
export type SettleOptions = Pick<
  BuildOptions,
  "launcher" | "openSource" | "portable" | "signal"
>;

/**
 * Finds the sources and decides profile and operations, so that a build with
 * a mistake fails before it starts.
 *
 * @param plan What the manifest says.
 * @param options Launcher and sources.
 * @param resources Owns the files that are opened.
 * @returns The settled plan.
 * @throws {PspfError} what sources throw, `manifest/invalid`, `build/failed`,
 * `build/limit`
 */
export async function settlePlan(
  plan: BuildPlan,
  options: SettleOptions,
  resources: AsyncDisposableStack,
): Promise<SettledPlan> {
  const { signal } = options;
  signal?.throwIfAborted();
  const launcher = await inspectLauncher(options.launcher, signal);
  const portable = options.portable ??
    (plan.portable || launcher.operations === undefined);
  const warnings = [...plan.warnings];
  checkSlotCount(plan, portable);
  warnAboutLauncher(launcher, portable, plan, options, warnings);

  const slots: OpenedSlot[] = [];
  for (const [index, slot] of plan.slots.entries()) {
    const one = await openSlot(slot, {
      index,
      portable,
      openSource: options.openSource,
      ...(signal === undefined ? {} : { signal }),
    });
    if (one.input.kind === "file") resources.use(one.input.bytes);
    slots.push(one);
    warnings.push(...one.warnings);
  }
  checkTargets(slots);
  checkLauncherOperations(slots, launcher, portable);
  if (portable) warnAboutOwnKeys(plan, (text) => warnings.push(text));
  return { launcher, portable, slots, warnings };
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
  options: SettleOptions,
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
