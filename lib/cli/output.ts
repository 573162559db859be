import type { JsonValue } from "../errors.ts";
import type { Paint } from "./paint.ts";
import type { ProgressBar } from "./progress_bar.ts";

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
  /** When to use colours. */
  readonly color: "auto" | "always" | "never";
  /** How much is said on standard error. */
  readonly logLevel: LogLevel;
  /** Whether a terminal gets a progress bar. */
  readonly progress: boolean;
}

/** Where results, notes and errors go. */
export interface Output {
  /** Whether JSON is wanted instead of text. */
  readonly json: boolean;
  /** How much is said on standard error. */
  readonly logLevel: LogLevel;
  /** Colours for standard output. */
  readonly paint: Paint;
  /** Colours for standard error. */
  readonly errorPaint: Paint;
  /**
   * The same output with other settings.
   *
   * @param settings What the user wants.
   * @returns The output.
   */
  configured(settings: OutputSettings): Output;
  /**
   * What the command was asked for, on standard output.
   *
   * @param value The JSON form.
   * @param text Makes the text form, without a final line feed.
   */
  result(value: JsonValue, text: () => string): void;
  /**
   * What a command did, on standard output; nothing when quiet.
   *
   * @param value The JSON form.
   * @param text Makes the text form, without a final line feed.
   */
  report(value: JsonValue, text: () => string): void;
  /**
   * Something to know, on standard error.
   *
   * @param text One line.
   */
  note(text: string): void;
  /**
   * Something to look into, on standard error.
   *
   * @param text One line.
   */
  warn(text: string): void;
  /**
   * Something for those who look for a fault, on standard error.
   *
   * @param text One line.
   */
  trace(text: string): void;
  /**
   * What ended the command, on standard error.
   *
   * @param value The JSON form.
   * @param text The text form, without a final line feed.
   */
  failure(value: JsonValue, text: string): void;
  /**
   * Starts a progress bar; it shows itself only when the work takes long enough
   * to wonder. Where there is no terminal, a line is written now and then.
   *
   * @param label What is going on.
   * @param total How much there is to do, in bytes; 0 when unknown.
   * @returns The bar; dispose it.
   */
  progress(label: string, total: number): ProgressBar;
}
