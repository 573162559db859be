import type { JsonValue } from "../errors.ts";
import type { Clock, Environment, Terminal } from "../host/types.ts";
import {
  LOG_LEVELS,
  type LogLevel,
  type Output,
  type OutputSettings,
} from "./output.ts";
import { colours, type Paint, PLAIN } from "./paint.ts";
import {
  NO_PROGRESS,
  startProgressBar,
  startProgressLines,
} from "./progress_bar.ts";

/** The parts of a host that output needs. */
export interface OutputHost {
  /** Where text goes. */
  readonly terminal: Terminal;
  /** NO_COLOR and CI. */
  readonly env: Environment;
  /** Times progress. */
  readonly clock: Clock;
}

const DEFAULTS: OutputSettings = {
  json: false,
  quiet: false,
  color: "auto",
  logLevel: "info",
  progress: true,
};

/**
 * Output to the terminal: results on standard output, everything else on
 * standard error.
 *
 * @param host Where text goes.
 * @param settings What the user wants.
 * @returns The output.
 */
export function createConsoleOutput(
  host: OutputHost,
  settings: OutputSettings = DEFAULTS,
): Output {
  const { terminal, env, clock } = host;
  const { json, quiet } = settings;
  const says = (level: LogLevel): boolean =>
    LOG_LEVELS.indexOf(level) <=
      LOG_LEVELS.indexOf(quiet ? "error" : settings.logLevel);
  const paintFor = (isTerminal: boolean): Paint =>
    wantsColour(settings.color, isTerminal, env) ? colours() : PLAIN;
  const errorPaint = paintFor(terminal.stderrIsTerminal);
  const result = (value: JsonValue, text: () => string): void => {
    terminal.writeOut(`${json ? JSON.stringify(value, null, 2) : text()}\n`);
  };
  return {
    json,
    logLevel: settings.logLevel,
    paint: paintFor(terminal.stdoutIsTerminal),
    errorPaint,
    configured: (next) => createConsoleOutput(host, next),
    result,
    report: (value, text) => {
      if (json || !quiet) result(value, text);
    },
    note: (text) => {
      if (says("info")) terminal.writeError(`${errorPaint.faint(text)}\n`);
    },
    warn: (text) => {
      if (says("warn")) {
        terminal.writeError(`${errorPaint.warning("warning")}: ${text}\n`);
      }
    },
    trace: (text) => {
      if (says("debug")) terminal.writeError(`${errorPaint.faint(text)}\n`);
    },
    failure: (value, text) => {
      terminal.writeError(`${json ? JSON.stringify(value, null, 2) : text}\n`);
    },
    progress: (label, total) => {
      if (!settings.progress || json || !says("info")) return NO_PROGRESS;
      const start = canRedraw(terminal, env)
        ? startProgressBar
        : startProgressLines;
      return start(label, total, terminal, clock);
    },
  };
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
