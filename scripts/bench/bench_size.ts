import { statSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";

/**
 * Measures the launcher itself.
 *
 * @param context Where it is.
 * @returns The row.
 */
export function benchSize(context: BenchContext): readonly BenchRow[] {
  return [
    {
      what: "launcher, static, all six operations",
      unit: "KiB",
      ours: statSync(context.launcher).size / 1024,
      bar: { of: "ours", limit: 700, kind: "at most" },
    },
  ];
}
