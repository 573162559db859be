import { visibleText, withoutCredentials } from "../bytes/text.ts";
import type { JsonValue } from "../errors.ts";
import type { Environment, Host, Terminal } from "../host/types.ts";
import {
  NO_PROGRESS,
  type ProgressBar,
  type Schedule,
  startProgressBar,
  startProgressLines,
} from "./progress.ts";

/** How much is said on standard error, quietest first. */
export const LOG_LEVELS = [
  "off",
  "error",
  "warn",
  "info",
  "debug",
  "trace",
] as const;

/** A level of {@linkcode LOG_LEVELS}. */
export type LogLevel = typeof LOG_LEVELS[number];

/** What a user wants to see, and how. */
export interface OutputSettings {
  /** One JSON object instead of text. */
  readonly json: boolean;
  /** No notes and no reports of success. */
  readonly quiet: boolean;
  readonly color: "auto" | "always" | "never";
  /** How much is said on standard error. */
  readonly logLevel: LogLevel;
  /** Whether a terminal gets a progress bar. */
  readonly progress: boolean;
}

/** Puts a meaning on text: a colour, or nothing where there are none. */
export type Paint = Readonly<
  Record<
    "good" | "bad" | "warning" | "strong" | "faint",
    (text: string) => string
  >
>;

/** Where results, notes and errors go. */
export interface Output
  extends Pick<OutputSettings, "json" | "quiet" | "logLevel"> {
  /** Colours for standard output. */
  readonly paint: Paint;
  /** Colours for standard error. */
  readonly errorPaint: Paint;
  /** The same output with other settings. */
  configured(settings: OutputSettings): Output;
  /** What was asked for, on standard output; the text without a final line feed. */
  result(value: JsonValue, text: () => string): void;
  /** What a command did: the same, but nothing when quiet. */
  report(value: JsonValue, text: () => string): void;
  /** Something to know, on standard error like all that follows. */
  note(text: string): void;
  /** Something to look into. */
  warn(text: string): void;
  /** What is being done: files, choices, sizes, times. */
  debug(text: string): void;
  /** The same, down to every look at a file. */
  trace(text: string): void;
  /** What ended the command. */
  failure(value: JsonValue, text: string): void;
  /**
   * Starts a progress bar for `total` bytes, 0 when unknown; dispose it. It
   * shows itself only when the work takes long enough to wonder. Where there is
   * no terminal, a line is written now and then.
   */
  progress(label: string, total: number): ProgressBar;
}

const DEFAULTS: OutputSettings = {
  json: false,
  quiet: false,
  color: "auto",
  logLevel: "info",
  progress: true,
};

/** Results go to standard output, everything else to standard error. */
export function createConsoleOutput(
  host: Pick<Host, "terminal" | "env" | "clock">,
  settings: OutputSettings = DEFAULTS,
  schedule: Schedule = everySoOften,
): Output {
  const { terminal, env, clock } = host;
  const { json, quiet, logLevel } = settings;
  const started = clock.monotonic();
  /** Whatever an address is part of, its password is not for logs. */
  const writeError = (text: string): void =>
    terminal.writeError(withoutCredentials(`${text}\n`));
  const says = (level: LogLevel): boolean =>
    LOG_LEVELS.indexOf(level) <=
      LOG_LEVELS.indexOf(quiet ? "error" : logLevel);
  const paintFor = (isTerminal: boolean): Paint =>
    wantsColour(settings.color, isTerminal, env) ? COLOURS : PLAIN;
  const errorPaint = paintFor(terminal.stderrIsTerminal);
  const result = (value: JsonValue, text: () => string): void => {
    terminal.writeOut(`${json ? jsonText(value) : text()}\n`);
  };
  const log = (level: LogLevel, text: string): void => {
    if (!says(level)) return;
    const seconds = ((clock.monotonic() - started) / 1000).toFixed(3);
    writeError(
      errorPaint.faint(
        `${level} ${seconds.padStart(7)} s  ${visibleText(text, true)}`,
      ),
    );
  };
  return {
    json,
    quiet,
    logLevel,
    paint: paintFor(terminal.stdoutIsTerminal),
    errorPaint,
    configured: (next) => createConsoleOutput(host, next, schedule),
    result,
    report: (value, text) => {
      if (json || !quiet) result(value, text);
    },
    note: (text) => {
      if (says("info")) writeError(errorPaint.faint(visibleText(text, true)));
    },
    warn: (text) => {
      if (says("warn")) {
        writeError(
          `${errorPaint.warning("warning")}: ${visibleText(text, true)}`,
        );
      }
    },
    debug: (text) => log("debug", text),
    trace: (text) => log("trace", text),
    failure: (value, text) => {
      writeError(json ? jsonText(value) : text);
    },
    progress: (label, total) => {
      if (!settings.progress || json || !says("info")) return NO_PROGRESS;
      const start = canRedraw(terminal, env)
        ? startProgressBar
        : startProgressLines;
      return start(label, total, { terminal, clock, schedule });
    },
  };
}

/** JSON, in which nothing acts on the terminal that it may be shown on. */
function jsonText(value: JsonValue): string {
  return JSON.stringify(value, null, 2).replace(
    // deno-lint-ignore no-control-regex
    /[\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) =>
      `\\u${character.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

function everySoOften(intervalMs: number, action: () => void): Disposable {
  const timer = setInterval(action, intervalMs);
  return { [Symbol.dispose]: () => clearInterval(timer) };
}

/** A log of a build service keeps every line that was ever drawn. */
function canRedraw(terminal: Terminal, env: Environment): boolean {
  return terminal.stderrIsTerminal && (env.get("CI") ?? "") === "" &&
    env.get("TERM") !== "dumb";
}

function wantsColour(
  when: OutputSettings["color"],
  isTerminal: boolean,
  env: Environment,
): boolean {
  if (when !== "auto") return when === "always";
  const refused = (env.get("NO_COLOR") ?? "") !== "";
  return isTerminal && !refused && env.get("TERM") !== "dumb";
}

const PLAIN: Paint = {
  good: String,
  bad: String,
  warning: String,
  strong: String,
  faint: String,
};

/**
 * Written out here because `@std/fmt/colors` stays silent whenever the process
 * has NO_COLOR, also when `--color always` has asked for them.
 */
const COLOURS: Paint = {
  good: style(32, 39),
  bad: style(31, 39),
  warning: style(33, 39),
  strong: style(1, 22),
  faint: style(2, 22),
};

/** Puts text between two SGR codes: the style, and what ends that style alone. */
function style(on: number, off: number): (text: string) => string {
  return (text) => `\x1b[${on}m${text}\x1b[${off}m`;
}
