import fs from "node:fs";

/**
 * What has to disappear when the program ends early. Removal is synchronous, so
 * that it can happen between a signal and the exit.
 */
export class Temporaries {
  readonly #paths = new Set<string>();

  /**
   * Remembers a file or directory that is not finished.
   *
   * @param path Its path.
   */
  add(path: string): void {
    this.#paths.add(path);
  }

  /**
   * Forgets one that has been published or removed.
   *
   * @param path Its path.
   */
  delete(path: string): void {
    this.#paths.delete(path);
  }

  /** Removes all of them, best effort: there is nobody left to tell. */
  removeAll(): void {
    for (const path of this.#paths) {
      try {
        fs.rmSync(path, { recursive: true, force: true });
      } catch {
        // A directory that forbids removal stays; its name shows what it is.
      }
    }
    this.#paths.clear();
  }
}
