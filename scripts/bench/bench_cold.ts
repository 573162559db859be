import { mkdirSync, rmSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { type BenchSlot, packApplication } from "./pack_application.ts";
import { quote, runChecked } from "./run_checked.ts";
import { compile, measureCommands, median, type RunSample } from "./spawner.ts";

const ROUNDS = 7;
/** What another program leaves to be written, in bytes. */
const FOREIGN = 500_000_000;

/**
 * Measures the first start of a large runtime, the Deno that runs this, against
 * `zstd` unpacking the same bytes.
 *
 * @param context Where to work.
 * @returns The rows.
 */
export async function benchCold(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const nothing = await compile(context, "nothing");
  const program = {
    id: "program",
    source: nothing,
    target: "bin/nothing",
    operations: "raw",
  };
  const start: BenchSlot = { ...program, permissions: "0755" };
  const runtime = context.path("runtime");
  mkdirSync(runtime);
  await runChecked(["cp", Deno.execPath(), `${runtime}/deno`]);
  const file: BenchSlot = {
    id: "runtime",
    source: `${runtime}/deno`,
    target: "bin/deno",
    operations: "zstd",
    permissions: "0755",
  };
  const tree: BenchSlot = {
    ...file,
    source: runtime,
    target: "{workenv}",
    operations: "tar.zst",
  };
  const note =
    `medians of ${ROUNDS} runs each, taken in turn; ours also verifies every byte ` +
    "and starts a program";
  const single = await compareWith(
    context,
    "cold-file",
    [start, file],
    (stored) => ({
      name: "`zstd -d` to a file",
      command: `exec zstd -q -d -f ${quote(stored)} -o ${
        quote(context.path("decoded"))
      }`,
    }),
  );
  const folder = await compareWith(
    context,
    "cold-tree",
    [start, tree],
    (stored) => ({
      name: "`zstd -d \\| tar x`",
      command: `mkdir -p ${quote(context.path("tree"))} && ` +
        `zstd -q -d -c ${quote(stored)} | tar x -C ${
          quote(context.path("tree"))
        }`,
    }),
  );
  const foreign = "the same, after another program wrote 500 MB";
  return [
    {
      what: "first start with a 95 MB runtime, on a quiet disk",
      unit: "ms",
      ...single.quiet,
      bar: { of: "ratio", limit: 1, kind: "at most" },
      note,
    },
    { what: foreign, unit: "ms", ...single.busy, note },
    {
      what: "the same as a directory, on a quiet disk",
      unit: "ms",
      ...folder.quiet,
      bar: { of: "ratio", limit: 0.8, kind: "at most" },
      note,
    },
    {
      what: foreign,
      unit: "ms",
      ours: folder.busy.ours,
      other: { name: "ours on a quiet disk", value: folder.quiet.ours },
      bar: { of: "ratio", limit: 1.1, kind: "at most" },
      note,
    },
  ];
}

/** The two states of a disk. */
interface BothStates {
  /** Nothing waits to be written. */
  readonly quiet: Comparison;
  /** Another program has just written {@linkcode FOREIGN} bytes. */
  readonly busy: Comparison;
}

interface Comparison {
  readonly ours: number;
  readonly other: { readonly name: string; readonly value: number };
}

interface Rival {
  readonly name: string;
  /** What `sh` runs. */
  readonly command: string;
}

async function compareWith(
  context: BenchContext,
  name: string,
  slots: readonly BenchSlot[],
  rivalFor: (stored: string) => Rival,
): Promise<BothStates> {
  const pack = await packApplication(context, name, slots);
  const stored = context.path(`${name}.zst`);
  await runChecked(context.flavor("extract", pack, "1", stored, "--raw"));
  const rival = rivalFor(stored);
  const cache = context.path(`${name}-cache`);
  const commands = [[`FLAVOR_CACHE=${cache}`, pack], [
    "/bin/sh",
    "-c",
    rival.command,
  ]];
  const taken: Record<string, RunSample[]> = {};
  for (let round = 0; round < ROUNDS; round++) {
    for (const state of ["quiet", "busy"]) {
      for (const [number, command] of commands.entries()) {
        for (const left of ["decoded", "tree", "foreign"]) {
          remove(context.path(left));
        }
        remove(cache);
        // What the last run wrote must not be flushed at the cost of this one.
        await runChecked(["sync"]);
        if (state === "busy") {
          const foreign = quote(context.path("foreign"));
          await runChecked([
            "sh",
            "-c",
            `head -c ${FOREIGN} /dev/zero >${foreign}`,
          ]);
        }
        const [samples = []] = await measureCommands(context, 1, [command]);
        (taken[`${state} ${number}`] ??= []).push(...samples);
      }
    }
  }
  const inState = (state: string): Comparison => ({
    ours: median(taken[`${state} 0`], "ms"),
    other: { name: rival.name, value: median(taken[`${state} 1`], "ms") },
  });
  return { quiet: inState("quiet"), busy: inState("busy") };
}

function remove(path: string): void {
  rmSync(path, { recursive: true, force: true });
}
