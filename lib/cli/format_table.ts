import { visibleText } from "./visible_text.ts";

/**
 * Aligns rows in columns, two spaces between them.
 *
 * @param rows The cells, as text without colours; they may come out of a package.
 * @param numeric Columns that are aligned to the right.
 * @returns One line per row.
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
