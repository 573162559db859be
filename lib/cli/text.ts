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

const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400],
  ["h", 3_600],
  ["min", 60],
  ["s", 1],
];

/** A length of time in its largest unit, and below ten of it in two: `3 d`, `1 min 20 s`. */
export function formatDuration(seconds: number): string {
  const at = UNITS.findIndex(([, length]) => seconds >= length);
  const [unit, length] = UNITS[at] ?? ["s", 1];
  const whole = Math.floor(seconds / length);
  const [next, nextLength] = UNITS[at + 1] ?? ["", 0];
  const left = at < 0 || nextLength === 0
    ? 0
    : Math.floor((seconds - whole * length) / nextLength);
  const isRough = whole >= 10 || left === 0;
  return `${whole} ${unit}${isRough ? "" : ` ${left} ${next}`}`;
}

/** How long ago something was: `3 d`, or `now`. */
export function formatAge(ageMs: number): string {
  return ageMs < 60_000
    ? "now"
    : formatDuration(ageMs / 1000).replace(/(?<=\D) .*$/, "");
}

/**
 * Makes text that comes out of a package safe to show: what would move the
 * cursor, change colours or hide text is written as an escape.
 */
export function visibleText(text: string, keepLines: boolean = false): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => {
      if (keepLines && character === "\n") return character;
      const code = character.charCodeAt(0).toString(16);
      return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
    },
  );
}

/**
 * Aligns rows in columns, two spaces between them; those of `numeric` to the
 * right. Cells are text without colours, and may come out of a package.
 */
export function formatTable(
  rows: readonly (readonly string[])[],
  numeric: readonly number[] = [],
): string {
  const cells = rows.map((row) => row.map((cell) => visibleText(cell)));
  const widths: number[] = [];
  for (const row of cells) {
    row.forEach((cell, column) => {
      widths[column] = Math.max(widths[column] ?? 0, cell.length);
    });
  }
  return cells.map((row) =>
    row.map((cell, column) => {
      const width = widths[column] ?? 0;
      return numeric.includes(column)
        ? cell.padStart(width)
        : cell.padEnd(width);
    }).join("  ").trimEnd()
  ).join("\n");
}
