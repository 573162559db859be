import type { ManifestProblem } from "./check_document.ts";
import type { ManifestDocument, SlotDocument } from "./manifest_document.ts";

/** A manifest of which only the sections that fit the schema are left. */
export interface SoundDocument extends Omit<ManifestDocument, "slots"> {
  /** Slots that fit the schema, at their positions. */
  readonly slots: readonly (SlotDocument | undefined)[];
}

/** Stand in for required sections that are broken and reported already. */
const REQUIRED = {
  package: { name: "", version: "" },
  execution: { command: "-" },
  slots: [],
} as const;

/**
 * Leaves out what does not fit the schema, so that the rest can be checked
 * further and all problems are reported at once.
 *
 * @param document What the parser gave.
 * @param problems What is wrong with it.
 * @returns The sound sections.
 */
export function keepSound(
  document: unknown,
  problems: readonly ManifestProblem[],
): SoundDocument {
  const isSound = (path: string): boolean =>
    !problems.some((problem) =>
      problem.path === path || problem.path === "" ||
      problem.path.startsWith(`${path}.`) ||
      problem.path.startsWith(`${path}[`)
    );
  const sound: Record<string, unknown> = { ...REQUIRED };
  if (typeof document === "object" && document !== null) {
    for (const [name, section] of Object.entries(document)) {
      if (name === "slots" && Array.isArray(section)) {
        sound[name] = section.map((slot, index) =>
          isSound(`slots[${index}]`) ? slot : undefined
        );
      } else if (isSound(name)) sound[name] = section;
    }
  }
  return sound as unknown as SoundDocument;
}
