import type { Clock, Terminal } from "../host/types.ts";
import { formatDuration, formatSize } from "./text.ts";

/** Tells how far some work has come. */
export interface ProgressBar extends Disposable {
  /** Says how many bytes are done, and how many there are when that is known better by now. */
  update(done: number, total?: number): void;
  /** Says how many more bytes are done. */
  add(bytes: number): void;
  /** Begins the next part of the work, with its own rate. */
  next(label: string, total: number): void;
}

/** Does something again and again, until it is disposed. */
export type Schedule = (intervalMs: number, action: () => void) => Disposable;

/** What progress needs to be shown. */
export interface ProgressHost {
  readonly terminal: Pick<Terminal, "writeError" | "columns">;
  readonly clock: Clock;
  readonly schedule: Schedule;
}

/** Draws nothing. */
export const NO_PROGRESS: ProgressBar = {
  update: () => undefined,
  add: () => undefined,
  next: () => undefined,
  [Symbol.dispose]: () => undefined,
};

/** Work that is over sooner needs no bar. */
const DELAY_MS = 500;
const REDRAW_MS = 200;
/** A log is read later, and only tells that something is moving. */
const LINE_INTERVAL_MS = 10_000;
const MAX_BAR_WIDTH = 24;
const MIN_BAR_WIDTH = 4;
/** Facts change their lengths all the time; a bar that does the same is restless. */
const FACTS_WIDTH = 68;
const CLEAR_LINE = "\r\x1b[K";

/** One part of the work. */
interface Work {
  readonly label: string;
  readonly total: number;
  readonly done: number;
  readonly started: number;
}

/**
 * A bar that is drawn again by a timer, so that rate and time left stay true
 * while nothing is reported; disposing it clears its line.
 */
export function startProgressBar(
  label: string,
  total: number,
  { terminal, clock, schedule }: ProgressHost,
): ProgressBar {
  let isDrawn = false;
  const bar = follow(label, total, clock, DELAY_MS, REDRAW_MS, (work, ms) => {
    isDrawn = true;
    // A line that wraps would stay when the next one is drawn; some terminals
    // do not know how wide they are.
    const width = (terminal.columns() || 80) - 1;
    const line = barLine(work.label, work.done, work.total, ms, width);
    terminal.writeError(`${CLEAR_LINE}${line.slice(0, width)}`);
  });
  const timer = schedule(REDRAW_MS, bar.tick);
  return {
    ...bar,
    [Symbol.dispose](): void {
      timer[Symbol.dispose]();
      if (isDrawn) terminal.writeError(CLEAR_LINE);
      isDrawn = false;
    },
  };
}

/** The same in whole lines, for logs. */
export function startProgressLines(
  label: string,
  total: number,
  { terminal, clock, schedule }: ProgressHost,
): ProgressBar {
  const wait = LINE_INTERVAL_MS;
  const lines = follow(label, total, clock, wait, wait, (work, elapsedMs) => {
    const facts = Object.values(describe(work.done, work.total, elapsedMs));
    const shown = facts.filter((fact) => fact !== "").join(", ");
    terminal.writeError(`${work.label}: ${shown}\n`);
  });
  const timer = schedule(wait, lines.tick);
  return { ...lines, [Symbol.dispose]: () => timer[Symbol.dispose]() };
}

/** Remembers how far the work is, and shows it when it is time to. */
function follow(
  label: string,
  total: number,
  clock: Clock,
  delayMs: number,
  intervalMs: number,
  show: (work: Work, elapsedMs: number) => void,
): Omit<ProgressBar, keyof Disposable> & { tick(): void } {
  let work: Work = { label, total, done: 0, started: clock.monotonic() };
  let due = work.started + delayMs;
  const tick = (): void => {
    const now = clock.monotonic();
    if (now < due) return;
    due = now + intervalMs;
    show(work, now - work.started);
  };
  const update = (done: number, better: number = work.total): void => {
    work = { ...work, done, total: better };
    tick();
  };
  return {
    tick,
    update,
    add: (bytes) => update(work.done + bytes),
    next(nextLabel: string, nextTotal: number): void {
      const started = clock.monotonic();
      work = { label: nextLabel, total: nextTotal, done: 0, started };
    },
  };
}

/** How far some work is, in words; empty where it is not known. */
function describe(
  done: number,
  total: number,
  elapsedMs: number,
): Readonly<Record<"part" | "size" | "speed" | "left", string>> {
  const rate = done / Math.max(elapsedMs / 1000, 0.001);
  const speed = `${formatSize(rate)}/s`;
  if (total <= 0) {
    return { part: "", size: formatSize(done), speed, left: "" };
  }
  const left = done > 0 && done < total
    ? `${formatDuration(Math.ceil((total - done) / rate))} left`
    : "";
  return {
    part: `${Math.floor(partOf(done, total) * 100)} %`,
    size: `${formatSize(done)} of ${formatSize(total)}`,
    speed,
    left,
  };
}

function partOf(done: number, total: number): number {
  return Math.min(1, done / total);
}

/** One state of a bar as text; the bar itself takes what long facts leave of the width. */
export function barLine(
  label: string,
  done: number,
  total: number,
  elapsedMs: number,
  width: number,
): string {
  const { part, size, speed, left } = describe(done, total, elapsedMs);
  if (part === "") return `${label}  ${size}  ${speed}`;
  const facts = `${part.padStart(5)}  ${size}  ${speed}  ${left}`.trimEnd();
  const cells = Math.min(width - FACTS_WIDTH, MAX_BAR_WIDTH);
  if (cells < MIN_BAR_WIDTH) return `${label}  ${facts.trimStart()}`;
  const filled = Math.round(partOf(done, total) * cells);
  const bar = "#".repeat(filled) + "-".repeat(cells - filled);
  return `${label}  [${bar}] ${facts}`;
}
