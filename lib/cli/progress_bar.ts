import type { Clock, Terminal } from "../host/types.ts";
import { formatSize } from "./format_size.ts";

/** Tells how far some work has come. */
export interface ProgressBar extends Disposable {
  /**
   * Says where the work is.
   *
   * @param done Bytes done so far.
   * @param total Bytes in all, when they are known better by now.
   */
  update(done: number, total?: number): void;
}

/** Draws nothing. */
export const NO_PROGRESS: ProgressBar = {
  update: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** Work that is over sooner needs no bar. */
const DELAY_MS = 500;
const INTERVAL_MS = 100;
const BAR_WIDTH = 24;
const CLEAR_LINE = "\r\x1b[K";

/**
 * Starts a bar on standard error.
 *
 * @param label What is going on.
 * @param total Bytes in all; 0 when unknown.
 * @param terminal Where it is drawn.
 * @param clock Measures rate and delay.
 * @returns The bar; disposing it clears its line.
 */
export function startProgressBar(
  label: string,
  total: number,
  terminal: Terminal,
  clock: Clock,
): ProgressBar {
  const started = clock.monotonic();
  let all = total;
  let drawnAt: number | undefined;
  return {
    update(done: number, better?: number): void {
      all = better ?? all;
      const now = clock.monotonic();
      const due = drawnAt === undefined
        ? started + DELAY_MS
        : drawnAt + INTERVAL_MS;
      if (now < due) return;
      drawnAt = now;
      const line = barLine(label, done, all, now - started);
      terminal.writeError(
        `${CLEAR_LINE}${line.slice(0, terminal.columns() - 1)}`,
      );
    },
    [Symbol.dispose](): void {
      if (drawnAt !== undefined) terminal.writeError(CLEAR_LINE);
    },
  };
}

/**
 * One state of a bar as text.
 *
 * @param label What is going on.
 * @param done Bytes done so far.
 * @param total Bytes in all; 0 when unknown.
 * @param elapsedMs Time since the start, in milliseconds.
 * @returns The line.
 */
export function barLine(
  label: string,
  done: number,
  total: number,
  elapsedMs: number,
): string {
  const rate = done / Math.max(elapsedMs / 1000, 0.001);
  const speed = `${formatSize(rate)}/s`;
  if (total <= 0) return `${label}  ${formatSize(done)}  ${speed}`;
  const part = Math.min(1, done / total);
  const filled = Math.round(part * BAR_WIDTH);
  const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled);
  const left = rate === 0 ? 0 : Math.max(0, total - done) / rate;
  return `${label}  [${bar}] ${String(Math.floor(part * 100)).padStart(3)} %  ${
    formatSize(done)
  } of ${formatSize(total)}  ${speed}  ${Math.ceil(left)} s left`;
}
