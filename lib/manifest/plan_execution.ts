import type { ExecutionMetadata, StringMap } from "../format/metadata.ts";
import { memberPath } from "./check_document.ts";
import type { ExecutionDocument, SlotDocument } from "./manifest_document.ts";
import type { PlanNotes } from "./plan_notes.ts";
import { quoteCommand } from "./quote_command.ts";
import { placeInWorkenv } from "./workenv_path.ts";

/**
 * Turns the execution section into its metadata.
 *
 * @param execution The section, which fits the schema.
 * @param slots The slots that it may refer to.
 * @param notes Takes problems and warnings.
 * @returns The metadata.
 */
export function planExecution(
  execution: ExecutionDocument,
  slots: readonly (SlotDocument | undefined)[],
  notes: PlanNotes,
): ExecutionMetadata {
  const argv = execution.argv ?? undefined;
  const args = execution.args ?? undefined;
  if (argv?.length === 0) notes.problem("execution.argv", "is empty");
  let command = execution.command ?? undefined;
  if (command === undefined && argv === undefined) {
    notes.problem(
      "execution.command",
      'is missing; for example command = "{workenv}/bin/hello"',
    );
  }
  // Readers that know no argv need the string all the same.
  command ??= quoteCommand(argv ?? []);
  return {
    primarySlot: findPrimarySlot(execution.primary_slot, slots, notes),
    command,
    ...(argv === undefined ? {} : { argv }),
    ...(args === undefined || args.length === 0 ? {} : { args }),
    ...(typeof execution.cwd === "string"
      ? { cwd: placeInWorkenv(execution.cwd) }
      : {}),
    env: mergeEnvironment(execution, notes),
  };
}

function findPrimarySlot(
  primary: number | string | null | undefined,
  slots: readonly (SlotDocument | undefined)[],
  notes: PlanNotes,
): number {
  if (primary === undefined || primary === null) return 0;
  const index = typeof primary === "number"
    ? primary
    : slots.findIndex((slot) => slot?.id === primary);
  // Manifests without slots carry a 0 that means nothing.
  const exists = index >= 0 && index < Math.max(1, slots.length);
  if (exists) return index;
  // The slot may be one that is broken and reported already.
  if (index < 0 && slots.includes(undefined)) return 0;
  notes.problem(
    "execution.primary_slot",
    `is ${JSON.stringify(primary)}, but there is no such slot`,
  );
  return 0;
}

/** The Rust builder calls it `env`, the Go builder `environment`. */
function mergeEnvironment(
  execution: ExecutionDocument,
  notes: PlanNotes,
): StringMap {
  const env = execution.env ?? {};
  const environment = execution.environment ?? {};
  for (const [name, value] of Object.entries(environment)) {
    if (!Object.hasOwn(env, name) || env[name] === value) continue;
    notes.problem(
      memberPath("execution.environment", name),
      "differs from the same variable in execution.env",
    );
  }
  return { ...environment, ...env };
}
