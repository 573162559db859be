import { PspfError } from "../errors.ts";
import type { BuildPlan } from "./build_plan.ts";
import { checkDocument, type ManifestProblem } from "./check_document.ts";
import { checkPlaceholders } from "./check_placeholders.ts";
import { keepSound, type SoundDocument } from "./keep_sound.ts";
import { MANIFEST_SCHEMA } from "./manifest_schema.ts";
import { planExecution } from "./plan_execution.ts";
import { PlanNotes } from "./plan_notes.ts";
import { planSetupCommands, planWorkenv } from "./plan_setup.ts";
import { planSlots } from "./plan_slots.ts";
import type { ManifestFormat } from "./schema.ts";

/** Options of {@linkcode planManifest}. */
export interface PlanManifestOptions {
  /** Whose defaults and words count: those of TOML or those of JSON. */
  readonly format: ManifestFormat;
  /** What to call the document in messages. */
  readonly name: string;
  /** What is known to be wrong already; reported with the rest. */
  readonly problems?: readonly ManifestProblem[];
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
 * Checks a document and turns it into a plan.
 *
 * @param document What a parser gave, or a program put together.
 * @param options Defaults and names.
 * @returns The plan, with warnings for what is odd but not wrong.
 * @throws {PspfError} `manifest/invalid` with every problem in
 * `context.problems`
 */
export function planManifest(
  document: unknown,
  options: PlanManifestOptions,
): BuildPlan {
  const { format, name } = options;
  const flat = findFlatKeys(document);
  if (flat.length > 0) throw invalid(name, flat, FLAT_HINT);
  const problems = checkDocument(document, MANIFEST_SCHEMA, format);
  const notes = new PlanNotes([...problems, ...options.problems ?? []]);
  const plan = planDocument(keepSound(document, problems), format, name, notes);
  if (notes.problems.length > 0) throw invalid(name, notes.problems);
  return { ...plan, warnings: notes.warnings };
}

const FLAT_HINT = "Nested manifests have the tables package and execution";

function planDocument(
  document: SoundDocument,
  format: ManifestFormat,
  name: string,
  notes: PlanNotes,
): BuildPlan {
  const { execution, slots, build } = document;
  const level = build?.level ?? undefined;
  const defaults = { format, ...(level === undefined ? {} : { level }) };
  for (
    const section of [
      "execution",
      "workenv",
      "setup_commands",
      "runtime",
    ] as const
  ) {
    checkPlaceholders(document[section], section, slots.length, notes);
  }
  const { description } = document.package;
  const { runtime, workenv, cache_validation: validation } = document;
  return {
    name,
    format,
    package: {
      name: document.package.name,
      version: document.package.version,
      ...(typeof description === "string" ? { description } : {}),
    },
    slots: planSlots(slots, defaults, notes),
    execution: planExecution(execution, slots, notes),
    ...(runtime?.env ? { runtime: { env: runtime.env } } : {}),
    ...(workenv ? { workenv: planWorkenv(workenv) } : {}),
    setupCommands: planSetupCommands(document.setup_commands ?? [], notes),
    ...(validation
      ? {
        cacheValidation: {
          checkFile: validation.check_file,
          expectedContent: validation.expected_content,
        },
      }
      : {}),
    ...(document.custom ? { custom: document.custom } : {}),
    ...(typeof document.launcher === "string"
      ? { launcher: document.launcher }
      : {}),
    portable: build?.portable ?? false,
    warnings: [],
  };
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
