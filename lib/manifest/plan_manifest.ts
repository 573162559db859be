import { PspfError } from "../errors.ts";
import type { BuildPlan } from "./build_plan.ts";
import {
  checkDocument,
  type ManifestProblem,
  PlanNotes,
} from "./check_document.ts";
import { MANIFEST_SCHEMA, type ManifestDocument } from "./manifest_schema.ts";
import {
  checkPlaceholders,
  planExecution,
  planSetupCommands,
  planWorkenv,
} from "./plan_execution.ts";
import { planSlots, type SoundSlots } from "./plan_slots.ts";
import type { ManifestFormat } from "./schema.ts";

/** Options of {@linkcode planManifest}. */
export interface PlanManifestOptions {
  /** Whose defaults and words count: those of TOML or those of JSON. */
  readonly format: ManifestFormat;
  /** What to call the document in messages. */
  readonly name: string;
  /** What is known to be wrong already; reported with the rest. */
  readonly problems?: readonly ManifestProblem[] | undefined;
}

/** A manifest of which only the sections that fit the schema are left. */
interface SoundDocument extends Omit<ManifestDocument, "slots"> {
  readonly slots: SoundSlots;
}

/** Keys of flat manifests, and where they belong. */
const FLAT_KEYS: Readonly<Record<string, string>> = {
  name: "package.name",
  version: "package.version",
  description: "package.description",
  command: "execution.command",
  env: "execution.env",
};

/**
 * Checks a document that a parser gave, or a program put together, and turns it
 * into a plan. Throws `manifest/invalid` with all problems.
 */
export function planManifest(
  document: unknown,
  options: PlanManifestOptions,
): BuildPlan {
  const { format, name } = options;
  const flat = findFlatKeys(document);
  if (flat.length > 0) throw invalid(name, flat, FLAT_HINT);
  const notes = new PlanNotes();
  const known = checkDocument(document, MANIFEST_SCHEMA, format, notes);
  const sound = keepSound(known, notes);
  for (const { path, message } of options.problems ?? []) {
    notes.problem(path, message);
  }
  const plan = planDocument(sound, format, name, notes);
  if (notes.problems.length > 0) throw invalid(name, notes.problems);
  return { ...plan, warnings: notes.warnings };
}

const FLAT_HINT = "Put these keys into the tables package and execution";

function planDocument(
  document: SoundDocument,
  format: ManifestFormat,
  name: string,
  notes: PlanNotes,
): BuildPlan {
  const { execution, slots, build, runtime, workenv } = document;
  const { cache_validation: validation } = document;
  const setup = document.setup_commands ?? [];
  for (
    const [section, value] of Object.entries({
      execution,
      workenv,
      setup_commands: setup,
      runtime,
    })
  ) {
    checkPlaceholders(value, section, slots.length, notes);
  }
  return {
    name,
    format,
    package: document.package,
    slots: planSlots(slots, { format, level: build?.level }, notes),
    execution: planExecution(execution, slots, notes),
    runtime: runtime?.env && { env: runtime.env },
    workenv: workenv && planWorkenv(workenv),
    setupCommands: planSetupCommands(setup, notes),
    cacheValidation: validation && {
      checkFile: validation.check_file,
      expectedContent: validation.expected_content,
    },
    custom: document.custom,
    launcher: document.launcher,
    portable: build?.portable ?? false,
    warnings: [],
  };
}

/** Stand in for required sections that are broken and reported already. */
const REQUIRED = {
  package: { name: "", version: "" },
  execution: { command: "-" },
  slots: [],
} as const;

/** Leaves out what does not fit, so that the rest can be checked further. */
function keepSound(document: unknown, notes: PlanNotes): SoundDocument {
  const sound: Record<string, unknown> = { ...REQUIRED };
  if (typeof document === "object" && document !== null) {
    for (const [name, section] of Object.entries(document)) {
      if (name === "slots" && Array.isArray(section)) {
        sound[name] = section.map((slot, index) =>
          notes.isSound(`slots[${index}]`) ? slot : undefined
        );
      } else if (notes.isSound(name)) sound[name] = section;
    }
  }
  return sound as unknown as SoundDocument;
}

/** A manifest with `name` or `command` at its top and no tables for them. */
function findFlatKeys(document: unknown): readonly ManifestProblem[] {
  if (typeof document !== "object" || document === null) return [];
  if (Object.hasOwn(document, "package")) return [];
  return Object.entries(FLAT_KEYS)
    .filter(([key]) => Object.hasOwn(document, key))
    .map(([path, place]) => ({ path, message: `belongs to ${place}` }));
}

function invalid(
  name: string,
  problems: readonly ManifestProblem[],
  hint = "Every key is described in docs/manifest.md",
): PspfError {
  const lines = problems.map(({ path, message }) =>
    path === "" ? `it ${message}` : `${path} ${message}`
  );
  const count = lines.length === 1 ? "1 problem" : `${lines.length} problems`;
  return new PspfError(
    "manifest/invalid",
    `Cannot use ${name}: ${count}\n  ${lines.join("\n  ")}`,
    {
      context: {
        file: name,
        problems: problems.map(({ path, message }) => ({ path, message })),
      },
      hint,
    },
  );
}
