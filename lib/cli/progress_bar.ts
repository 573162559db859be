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
  /**
   * Begins the next part of the work, with a rate of its own.
   *
   * @param label What is going on now.
   * @param total Bytes in all; 0 when unknown.
   */
  next(label: string, total: number): void;
}

/** Draws nothing. */
export const NO_PROGRESS: ProgressBar = {
  update: () => undefined,
  next: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** Work that is over sooner needs no bar. */
const DELAY_MS = 500;
const INTERVAL_MS = 100;
/** A log is read later, and only tells that something is moving. */
const LINE_INTERVAL_MS = 10_000;
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
  const begun = clock.monotonic();
  let work = { label, all: total, started: begun };
  let drawnAt: number | undefined;
  return {
    update(done: number, better: number = work.all): void {
      work = { ...work, all: better };
      const now = clock.monotonic();
      const due = drawnAt === undefined
        ? begun + DELAY_MS
        : drawnAt + INTERVAL_MS;
      if (now < due) return;
      drawnAt = now;
      const line = barLine(work.label, done, work.all, now - work.started);
      terminal.writeError(
        `${CLEAR_LINE}${line.slice(0, terminal.columns() - 1)}`,
      );
    },
    next(nextLabel: string, nextTotal: number): void {
      work = { label: nextLabel, all: nextTotal, started: clock.monotonic() };
    },
    [Symbol.dispose](): void {
      if (drawnAt !== undefined) terminal.writeError(CLEAR_LINE);
      drawnAt = undefined;
    },
  };
}

/**
 * Tells the same in whole lines, for logs: one now and then, and none of work
 * that is over soon.
 *
 * @param label What is going on.
 * @param total Bytes in all; 0 when unknown.
 * @param terminal Where the lines go.
 * @param clock Measures rate and delay.
 * @returns What takes the progress.
 */
export function startProgressLines(
  label: string,
  total: number,
  terminal: Pick<Terminal, "writeError">,
  clock: Clock,
): ProgressBar {
  let work = { label, all: total, started: clock.monotonic() };
  let saidAt = work.started;
  return {
    update(done: number, better: number = work.all): void {
      work = { ...work, all: better };
      const now = clock.monotonic();
      if (now < saidAt + LINE_INTERVAL_MS) return;
      saidAt = now;
      const { part, size, speed, left } = describe(
        done,
        work.all,
        now - work.started,
      );
      const facts = [part, size, speed, left].filter((fact) => fact !== "");
      terminal.writeError(`${work.label}: ${facts.join(", ")}\n`);
    },
    next(nextLabel: string, nextTotal: number): void {
      work = { label: nextLabel, all: nextTotal, started: clock.monotonic() };
    },
    [Symbol.dispose]: () => undefined,
  };
}

/** How far some work is, in words; empty where it is not known. */
interface ProgressWords {
  readonly part: string;
  readonly size: string;
  readonly speed: string;
  readonly left: string;
}

function describe(
  done: number,
  total: number,
  elapsedMs: number,
): ProgressWords {
  const rate = done / Math.max(elapsedMs / 1000, 0.001);
  const speed = `${formatSize(rate)}/s`;
  if (total <= 0) {
    return { part: "", size: formatSize(done), speed, left: "" };
  }
  const seconds = rate === 0 ? 0 : Math.max(0, total - done) / rate;
  return {
    part: `${Math.floor(partOf(done, total) * 100)} %`,
    size: `${formatSize(done)} of ${formatSize(total)}`,
    speed,
    left: `${Math.ceil(seconds)} s left`,
  };
}

function partOf(done: number, total: number): number {
  return Math.min(1, done / total);
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
  const { part, size, speed, left } = describe(done, total, elapsedMs);
  if (part === "") return `${label}  ${size}  ${speed}`;
  const filled = Math.round(partOf(done, total) * BAR_WIDTH);
  const bar = "#".repeat(filled) + "-".repeat(BAR_WIDTH - filled);
  return `${label}  [${bar}] ${part.padStart(5)}  ${size}  ${speed}  ${left}`;
}
