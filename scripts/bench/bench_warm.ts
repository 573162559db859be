import { readdirSync } from "node:fs";
import { join } from "node:path";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { type BenchSlot, packApplication } from "./pack_application.ts";
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
      bar: { of: "difference", limit: 0.25, kind: "at most" },
      note: `medians of ${context.starts} starts each, taken in turn`,
    },
    {
      what: "what a warm start adds to the bare program",
      unit: "ms",
      ours: median(packed, "ms") - base.value,
      other: {
        name: "what `sh -c 'exec program'` adds",
        value: median(shell, "ms") - base.value,
      },
      bar: { of: "ratio", limit: 0.55, kind: "at most" },
    },
    {
      ...difference,
      what: "warm start, `FLAVOR_VALIDATION=none`",
      ours: median(unchecked, "ms"),
    },
    ...await benchRecheck(context),
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

/** Rounds of reading 300 MB. */
const RECHECKS = 9;
/** Large enough that a start itself does not count, in bytes. */
const LARGE = 300_000_000;

/** Measures looking at a whole package again against hashing the same file. */
async function benchRecheck(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const source = context.path("large.bin");
  await runChecked([
    "sh",
    "-c",
    `head -c ${LARGE} /dev/urandom >${quote(source)}`,
  ]);
  const data: BenchSlot = {
    id: "data",
    source,
    target: "data.bin",
    operations: "raw",
  };
  const program: BenchSlot = {
    id: "program",
    source: await compile(context, "nothing"),
    target: "bin/nothing",
    operations: "raw",
    permissions: "0755",
  };
  const pack = await packApplication(context, "recheck", [program, data]);
  const cache = context.path("recheck-cache");
  await runChecked([pack], { FLAVOR_CACHE: cache });
  const commands = [
    [`FLAVOR_CACHE=${cache}`, "FLAVOR_RECHECK=always", pack],
    ["/usr/bin/sha256sum", pack],
  ];
  await measureCommands(context, 1, commands);
  const [ours, theirs] = await measureCommands(context, RECHECKS, commands);
  return [{
    what: "warm start that checks all of a package of 300 MB in one slot",
    unit: "ms",
    ours: median(ours, "ms"),
    other: { name: "`sha256sum`", value: median(theirs, "ms") },
    bar: { of: "ratio", limit: 1.1, kind: "at most" },
    note: `medians of ${RECHECKS} runs each, taken in turn`,
  }];
}

/** The one workenv in a cache. */
export function workenvOf(cache: string): string {
  const id = readdirSync(join(cache, "workenv")).find((name) =>
    !name.startsWith(".")
  );
  if (id === undefined) throw new Error(`There is no workenv in ${cache}`);
  return join(cache, "workenv", id);
}
