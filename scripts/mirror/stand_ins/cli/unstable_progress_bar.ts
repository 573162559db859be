/**
 * A stand-in for `@std/cli/unstable-progress-bar`, which the npm registry does
 * not carry: the same class, written to its documented behaviour.
 *
 * @module
 */

/** What a formatter is told at each redraw. */
export interface ProgressBarFormatter {
  /** Minutes and seconds since the start. */
  styledTime: string;
  /** Value and maximum in a common unit. */
  styledData: (fractions?: number) => string;
  progressBar: string;
  /** Milliseconds since the start. */
  time: number;
  previousTime: number;
  value: number;
  previousValue: number;
  max: number;
}

/** How a bar looks, and where it is drawn. */
export interface ProgressBarOptions {
  writable?: WritableStream<Uint8Array>;
  value?: number;
  max: number;
  barLength?: number;
  fillChar?: string;
  emptyChar?: string;
  /** Removes the bar when it stops. */
  clear?: boolean;
  formatter?: (formatter: ProgressBarFormatter) => string;
  /** Leaves `writable` open when the bar stops. */
  keepOpen?: boolean;
  refreshMilliseconds?: number;
}

const ERASE_LINE = "\r\x1b[K";
const UNITS = ["KiB", "MiB", "GiB", "TiB"] as const;

/** Draws `value` of `max` again and again until it is stopped. */
export class ProgressBar {
  value: number;
  max: number;
  readonly #options: Required<Omit<ProgressBarOptions, "value" | "max">>;
  readonly #writer: WritableStreamDefaultWriter<Uint8Array>;
  readonly #timer: ReturnType<typeof setInterval>;
  readonly #start = Date.now();
  #previousTime = 0;
  #previousValue: number;

  constructor(options: ProgressBarOptions) {
    const { value = 0, max, ...look } = options;
    this.value = value;
    this.max = max;
    this.#previousValue = value;
    this.#options = {
      writable: Deno.stderr.writable,
      barLength: 50,
      fillChar: "#",
      emptyChar: "-",
      clear: false,
      formatter: (bar) =>
        `[${bar.styledTime}] [${bar.progressBar}] [${bar.styledData()}]`,
      keepOpen: true,
      refreshMilliseconds: 1000,
      ...look,
    };
    this.#writer = this.#options.writable.getWriter();
    this.#timer = setInterval(
      () => this.#draw(),
      this.#options.refreshMilliseconds,
    );
    this.#draw();
  }

  /** Draws the last state, or removes the bar, and lets go of the output. */
  async stop(): Promise<void> {
    clearInterval(this.#timer);
    if (this.#options.clear) await this.#write(ERASE_LINE);
    else {
      await this.#draw();
      await this.#write("\n");
    }
    // Whoever listened may be gone, which is no reason to fail.
    if (!this.#options.keepOpen) await this.#writer.close().catch(() => {});
    this.#writer.releaseLock();
  }

  async #draw(): Promise<void> {
    const { barLength, fillChar, emptyChar, formatter } = this.#options;
    const { value, max } = this;
    const time = Date.now() - this.#start;
    const part = Math.min(Math.max(value / max, 0), 1);
    const filled = Math.trunc(part * barLength);
    const line = formatter({
      styledTime: formatTime(time),
      styledData: (fractions = 2) => formatFraction(value, max, fractions),
      progressBar: fillChar.repeat(filled) +
        emptyChar.repeat(barLength - filled),
      time,
      previousTime: this.#previousTime,
      value,
      previousValue: this.#previousValue,
      max,
    });
    this.#previousTime = time;
    this.#previousValue = value;
    await this.#write(ERASE_LINE + line);
  }

  async #write(text: string): Promise<void> {
    await this.#writer.write(new TextEncoder().encode(text)).catch(() => {});
  }
}

function formatTime(milliseconds: number): string {
  const seconds = Math.trunc(milliseconds / 1000);
  const pad = (part: number): string => String(part).padStart(2, "0");
  return `${pad(Math.trunc(seconds / 60))}:${pad(seconds % 60)}`;
}

/** Both numbers in the largest unit that the second one fills. */
function formatFraction(value: number, max: number, digits: number): string {
  let [rate, unit]: [number, string] = [1024, UNITS[0]];
  for (const [at, name] of UNITS.entries()) {
    if (1024 ** (at + 1) <= max) [rate, unit] = [1024 ** (at + 1), name];
  }
  return `${(value / rate).toFixed(digits)}/${
    (max / rate).toFixed(digits)
  } ${unit}`;
}
