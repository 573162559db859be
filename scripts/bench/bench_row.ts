/** What a number is measured in. */
export type Unit =
  | "ms"
  | "s"
  | "KiB"
  | "MiB"
  | "MB/s"
  | "files/s"
  | "bytes"
  | "faults";

/** One line of the table: our number beside somebody else's, taken in the same run. */
export interface BenchRow {
  /** What was measured. */
  readonly what: string;
  readonly unit: Unit;
  readonly ours: number;
  /** What ours is held against. */
  readonly other?: { readonly name: string; readonly value: number };
  /** How the two are compared. Default: `ratio`. */
  readonly compare?: "ratio" | "difference";
  /** What we hold ourselves to, where there is such a promise. */
  readonly bar?: Bar;
  /** What has to be known to read the row honestly. */
  readonly note?: string;
}

/** A promise about the number, the ratio or the difference of a row. */
export interface Bar {
  readonly of: "ours" | "ratio" | "difference";
  readonly limit: number;
  readonly kind: "at most" | "at least";
}

/** The number that a bar is about. */
export function valueFor(row: BenchRow, of: Bar["of"]): number {
  if (of === "ours") return row.ours;
  const other = row.other?.value ?? 0;
  return of === "ratio" ? row.ours / other : row.ours - other;
}

/** Whether a row keeps its promise; `undefined` where there is none. */
export function isMet(row: BenchRow): boolean | undefined {
  if (row.bar === undefined) return undefined;
  const value = valueFor(row, row.bar.of);
  return row.bar.kind === "at most"
    ? value <= row.bar.limit
    : value >= row.bar.limit;
}
