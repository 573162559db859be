/** Puts a meaning on text: a colour, or nothing where there are none. */
export interface Paint {
  /** All is well. */
  readonly good: (text: string) => string;
  /** Something failed. */
  readonly bad: (text: string) => string;
  /** Something to look into. */
  readonly warning: (text: string) => string;
  /** A heading. */
  readonly strong: (text: string) => string;
  /** A side note. */
  readonly faint: (text: string) => string;
}

/** Text as it is. */
export const PLAIN: Paint = {
  good: String,
  bad: String,
  warning: String,
  strong: String,
  faint: String,
};

/**
 * Colours for a terminal.
 *
 * Written out here because `@std/fmt/colors` stays silent whenever the process
 * has NO_COLOR, also when `--color always` has asked for them.
 *
 * @returns The colours, whatever the environment says: who asks has decided.
 */
export function colours(): Paint {
  return {
    good: style(32, 39),
    bad: style(31, 39),
    warning: style(33, 39),
    strong: style(1, 22),
    faint: style(2, 22),
  };
}

/** Puts text between two SGR codes: the style, and what ends that style alone. */
function style(on: number, off: number): (text: string) => string {
  return (text) => `\x1b[${on}m${text}\x1b[${off}m`;
}
