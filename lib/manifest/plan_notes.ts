import type { ManifestProblem } from "./check_document.ts";

/** Collects what a manifest does wrong, and what is only odd. */
export class PlanNotes {
  readonly #problems: ManifestProblem[];
  readonly #warnings: string[] = [];

  /** @param problems What the schema found. */
  constructor(problems: readonly ManifestProblem[] = []) {
    this.#problems = [...problems];
  }

  /** What makes the manifest unusable. */
  get problems(): readonly ManifestProblem[] {
    return this.#problems;
  }

  /** What is odd, but not wrong. */
  get warnings(): readonly string[] {
    return this.#warnings;
  }

  /**
   * @param path Where, like `slots[2].operations`.
   * @param message What, as the end of a sentence that begins with the path.
   */
  problem(path: string, message: string): void {
    this.#problems.push({ path, message });
  }

  /**
   * @param path Where, like `slots[2].operations`.
   * @param message What, as the end of a sentence that begins with the path.
   */
  warn(path: string, message: string): void {
    this.#warnings.push(`${path} ${message}`);
  }
}
