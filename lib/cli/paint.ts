import {
  bold,
  cyan,
  dim,
  green,
  red,
  setColorEnabled,
  yellow,
} from "@std/fmt/colors";

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
  /** A name to pick out. */
  readonly name: (text: string) => string;
}

/** Text as it is. */
export const PLAIN: Paint = {
  good: String,
  bad: String,
  warning: String,
  strong: String,
  faint: String,
  name: String,
};

/**
 * Colours for a terminal.
 *
 * @returns The colours, whatever the environment says: who asks has decided.
 */
export function colours(): Paint {
  const always =
    (paint: (text: string) => string) => (text: string): string => {
      setColorEnabled(true);
      return paint(text);
    };
  return {
    good: always(green),
    bad: always(red),
    warning: always(yellow),
    strong: always(bold),
    faint: always(dim),
    name: always(cyan),
  };
}
