import process from "node:process";

import { ERROR_CODES } from "../errors.ts";
import type { Temporaries } from "./temporaries.ts";

/**
 * Ends the program on SIGINT, SIGTERM and SIGHUP after removing what is not
 * finished. While a program runs in our place its signals are its own.
 */
export class Interrupts {
  readonly #temporaries: Temporaries;
  readonly #clearLine: () => void;
  readonly #helpers = new Set<() => void>();
  #suspended = false;

  constructor(temporaries: Temporaries, clearLine: () => void) {
    this.#temporaries = temporaries;
    this.#clearLine = clearLine;
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
    // A helper that outlives us would go on writing where we have cleared up.
    for (const stop of this.#helpers) stop();
    this.#temporaries.removeAll();
    this.#clearLine();
    process.exit(ERROR_CODES["aborted/interrupted"].exit);
  }

  /** Ends a helper together with the program, until disposed. */
  endWith(stop: () => void): Disposable {
    this.#helpers.add(stop);
    return { [Symbol.dispose]: () => void this.#helpers.delete(stop) };
  }

  /** Leaves signals to somebody else until disposed. */
  suspend(): Disposable {
    this.#suspended = true;
    return { [Symbol.dispose]: () => this.#suspended = false };
  }
}
