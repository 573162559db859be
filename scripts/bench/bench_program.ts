import { mkdirSync, writeFileSync } from "node:fs";
import { PLATFORMS } from "../../lib/launchers/platform.ts";
import { BUILT_RELEASE } from "../../lib/release/built_release.ts";
import { bundle } from "../release/bundle.ts";
import { stage } from "../release/staging.ts";
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
  const directory = context.path("program");
  mkdirSync(directory, { recursive: true });
  await stage(directory, [], BUILT_RELEASE);
  const program = context.path("flavor.js");
  writeFileSync(program, await bundle(directory, PLATFORMS.length));
  const empty = context.path("empty.js");
  writeFileSync(empty, "\n");
  const run = [Deno.execPath(), "run", "--allow-all", "--no-config"];
  const commands = [[...run, empty], [...run, program, "--version"]];
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
