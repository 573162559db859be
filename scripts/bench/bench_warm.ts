import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { packApplication } from "./pack_application.ts";
import { quote, runChecked } from "./run_checked.ts";
import { compile, measureCommands, median } from "./spawner.ts";
import { traceStart } from "./trace_start.ts";

/** Starts that only bring everything into memory. */
const WARM_UP = 20;

/**
 * Measures the start of a filled package against the same program bare.
 *
 * @param context Where to work.
 * @returns The rows, and the system calls of one start.
 */
export async function benchWarm(
  context: BenchContext,
): Promise<
  { readonly rows: readonly BenchRow[]; readonly calls: readonly string[] }
> {
  const program = await compile(context, "nothing");
  const pack = await packApplication(context, "warm", [
    {
      id: "program",
      source: program,
      target: "bin/nothing",
      operations: "raw",
      permissions: "0755",
    },
  ]);
  const cache = context.path("warm-cache");
  const variable = `FLAVOR_CACHE=${cache}`;
  await runChecked([pack], { FLAVOR_CACHE: cache });
  const bare = join(workenvOf(cache), "bin", "nothing");

  const commands = [
    [bare],
    [variable, pack],
    ["/bin/sh", "-c", `exec ${quote(bare)}`],
    [variable, "FLAVOR_VALIDATION=none", pack],
  ];
  await measureCommands(context, WARM_UP, commands);
  const [alone, packed, shell, unchecked] = await measureCommands(
    context,
    context.starts,
    commands,
  );
  const trace = await traceStart(context, pack, cache);

  const base = { name: "bare program", value: median(alone, "ms") };
  const difference = {
    unit: "ms",
    other: base,
    compare: "difference",
  } as const;
  const rows: readonly BenchRow[] = [
    {
      ...difference,
      what: "warm start",
      ours: median(packed, "ms"),
      bar: { of: "difference", limit: 0.5, kind: "at most" },
      note: `medians of ${context.starts} starts each, taken in turn`,
    },
    {
      ...difference,
      what: "warm start, `FLAVOR_VALIDATION=none`",
      ours: median(unchecked, "ms"),
    },
    {
      ...difference,
      what: "for comparison: `sh -c 'exec program'`",
      ours: median(shell, "ms"),
    },
    {
      what: "page faults of a warm start",
      unit: "faults",
      ours: median(packed, "faults"),
      other: { name: "bare program", value: median(alone, "faults") },
      compare: "difference",
    },
    {
      what: "read from the package in a warm start",
      unit: "bytes",
      ours: trace.packageBytes,
      bar: { of: "ours", limit: 16 * 1024, kind: "at most" },
      note:
        "read calls; the kernel also maps the pages of the launcher that run",
    },
  ];
  return { rows, calls: trace.calls };
}

/** The one workenv in a cache. */
export function workenvOf(cache: string): string {
  const id = readdirSync(join(cache, "workenv")).find((name) =>
    !name.startsWith(".")
  );
  if (id === undefined) throw new Error(`There is no workenv in ${cache}`);
  return join(cache, "workenv", id);
}
