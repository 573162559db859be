import { type BenchRow, isMet, type Unit, valueFor } from "./bench_row.ts";

const DIGITS: Readonly<Record<Unit, number>> = {
  "ms": 2,
  "s": 2,
  "KiB": 0,
  "MiB": 1,
  "MB/s": 0,
  "files/s": 0,
  "bytes": 0,
  "faults": 0,
};

/**
 * Renders rows as a Markdown table, ready for the README.
 *
 * @param rows What was measured.
 * @returns The table, then the notes that its rows point to.
 */
export function formatTable(rows: readonly BenchRow[]): string {
  const notes: string[] = [];
  const lines = rows.map((row) => {
    if (row.note !== undefined && !notes.includes(row.note)) {
      notes.push(row.note);
    }
    const mark = row.note === undefined
      ? ""
      : ` [${notes.indexOf(row.note) + 1}]`;
    const cells = [
      row.what + mark,
      number(row.ours, row.unit),
      other(row),
      compared(row),
      bar(row),
    ];
    return `| ${cells.join(" | ")} |`;
  });
  return [
    "| What | Ours | Against | Compared | Bar |",
    "|---|---:|---|---:|---|",
    ...lines,
    ...(notes.length > 0 ? [""] : []),
    ...notes.map((note, index) => `[${index + 1}] ${note}`),
  ].join("\n");
}

function number(value: number, unit: Unit): string {
  const text = value.toLocaleString("en", {
    minimumFractionDigits: DIGITS[unit],
    maximumFractionDigits: DIGITS[unit],
  });
  return `${text} ${unit}`;
}

function other(row: BenchRow): string {
  if (row.other === undefined) return "";
  return `${row.other.name}: ${number(row.other.value, row.unit)}`;
}

function compared(row: BenchRow): string {
  if (row.other === undefined) return "";
  if (row.compare !== "difference") {
    return `${valueFor(row, "ratio").toFixed(2)} x`;
  }
  const difference = valueFor(row, "difference");
  return `${difference < 0 ? "" : "+"}${number(difference, row.unit)}`;
}

function bar(row: BenchRow): string {
  if (row.bar === undefined) return "";
  const { of, limit, kind } = row.bar;
  const sign = kind === "at most" ? "<=" : ">=";
  const text = of === "ratio" ? `${limit} x` : number(limit, row.unit);
  return `${sign} ${text}: ${isMet(row) ? "met" : "**missed**"}`;
}
