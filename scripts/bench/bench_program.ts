import { writeFileSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { fastest, measureCommands } from "./spawner.ts";

/** Other programs get in the way of a start of tens of milliseconds: the fastest counts. */
const STARTS = 40;

/**
 * Measures the start of `flavor.js` over that of an empty module.
 *
 * @param context Where to work.
 * @returns The row.
 */
export async function benchProgram(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const empty = context.path("empty.js");
  writeFileSync(empty, "\n");
  const commands = [context.deno(empty), context.flavor("--version")];
  // The first starts fill Deno's cache of compiled code.
  await measureCommands(context, 3, commands);
  const [nothing, version] = await measureCommands(context, STARTS, commands);
  return [{
    what: "`flavor.js --version`",
    unit: "ms",
    ours: fastest(version),
    other: { name: "an empty module", value: fastest(nothing) },
    compare: "difference",
    bar: { of: "difference", limit: 45, kind: "at most" },
    note: `the fastest of ${STARTS} starts each, taken in turn`,
  }];
}
