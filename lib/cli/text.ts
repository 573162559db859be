import { visibleText } from "../bytes/text.ts";

export { formatCount, formatSize, visibleText } from "../bytes/text.ts";

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
