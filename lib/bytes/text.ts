/** A number and what it counts: `1 slot`, `2 slots`. The plural ends in "s". */
export function formatCount(count: number, noun: string): string {
  // Not toLocaleString(), which takes ten milliseconds for its first number.
  const digits = String(count).replaceAll(/\B(?=(?:\d{3})+$)/g, ",");
  return `${digits} ${noun}${count === 1 ? "" : "s"}`;
}

const SIZE_UNITS = ["B", "KiB", "MiB", "GiB", "TiB"] as const;

/** A number of bytes in powers of 1024, such as `1.5 MiB`. */
export function formatSize(bytes: number): string {
  let [value, unit] = [Math.round(bytes), 0];
  // What would be rounded to 1024 is one of the next unit.
  for (; value >= 1023.95 && unit < SIZE_UNITS.length - 1; unit++) {
    value /= 1024;
  }
  return `${Math.round(value * 10) / 10} ${SIZE_UNITS[unit]}`;
}

/** Leaves user and password out of every address in a text. */
export function withoutCredentials(text: string): string {
  return text.replace(/\b((?:https?|ftps?|oci):\/\/?)[^\s/?#"']*@/gi, "$1");
}

/**
 * Makes text that comes out of a package safe to show: what would move the
 * cursor, change colours or hide text is written as an escape. With
 * `keepLines` lines stay lines, and all but the first are indented: none can
 * look like another message.
 */
export function visibleText(text: string, keepLines: boolean = false): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character, at: number) => {
      if (keepLines && character === "\n") {
        return /^(?: |$)/.test(text.slice(at + 1, at + 2)) ? "\n" : "\n  ";
      }
      const code = character.charCodeAt(0).toString(16);
      return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
    },
  );
}
