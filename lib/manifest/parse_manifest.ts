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
import { readDocument } from "./read_document.ts";
import type { ManifestFormat } from "./schema.ts";

/** Options of {@linkcode parseManifest}. */
export interface ParseManifestOptions {
  /** How the text is written. */
  readonly format: ManifestFormat;
  /**
   * What to call the manifest in messages, usually its file name.
   *
   * @default {"the manifest"}
   */
  readonly name?: string;
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
 * Reads a `flavor.toml`, or the JSON manifest of the existing native builders.
 * No file is touched: sources are resolved when the package is built.
 *
 * @param text The manifest.
 * @param options How it is written.
 * @returns The plan, with warnings for what is odd but not wrong.
 * @throws {PspfError} `manifest/syntax`, or `manifest/invalid` with every
 * problem in `context.problems`
 *
 * @example A manifest of one slot
 * ```ts
 * import { parseManifest } from "@flavor/pspf/manifest";
 * import { assertEquals } from "@std/assert";
 *
 * const plan = parseManifest(
 *   `
 *   [package]
 *   name = "hello"
 *   version = "1.0.0"
 *
 *   [execution]
 *   command = "{workenv}/bin/hello"
 *
 *   [[slots]]
 *   id = "app"
 *   source = "build/hello"
 *   target = "bin/hello"
 *   `,
 *   { format: "toml" },
 * );
 * assertEquals(plan.slots[0]?.target, "bin/hello");
 * ```
 */
export function parseManifest(
  text: string,
  options: ParseManifestOptions,
): BuildPlan {
  const { format, name = "the manifest" } = options;
  const raw = readDocument(text, format, name);
  const flat = findFlatKeys(raw);
  if (flat.length > 0) throw invalid(name, flat, FLAT_HINT);
  const problems = checkDocument(raw, MANIFEST_SCHEMA, format);
  const notes = new PlanNotes(problems);
  const plan = planDocument(keepSound(raw, problems), format, name, notes);
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
