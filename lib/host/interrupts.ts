import process from "node:process";

import type { Temporaries } from "./temporaries.ts";

/** Exit code of an interrupted command. */
const INTERRUPTED = 130;

/**
 * Ends the program on SIGINT, SIGTERM and SIGHUP after removing what is not
 * finished. While a program runs in our place its signals are its own.
 */
export class Interrupts {
  readonly #temporaries: Temporaries;
  #suspended = false;

  /** @param temporaries What to remove before the exit. */
  constructor(temporaries: Temporaries) {
    this.#temporaries = temporaries;
  }

  /** Begins to listen. */
  listen(): void {
    const signals: readonly Deno.Signal[] = Deno.build.os === "windows"
      ? ["SIGINT", "SIGBREAK"]
      : ["SIGINT", "SIGTERM", "SIGHUP"];
    for (const signal of signals) {
      Deno.addSignalListener(signal, () => this.#end());
    }
  }

  #end(): void {
    if (this.#suspended) return;
    this.#temporaries.removeAll();
    process.exit(INTERRUPTED);
  }

  /**
   * Leaves signals to somebody else until disposed.
   *
   * @returns Dispose it to take them back.
   */
  suspend(): Disposable {
    this.#suspended = true;
    return { [Symbol.dispose]: () => this.#suspended = false };
  }
}
