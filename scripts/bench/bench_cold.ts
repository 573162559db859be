import { mkdirSync, rmSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { type BenchSlot, packApplication } from "./pack_application.ts";
import { quote, runChecked } from "./run_checked.ts";
import { compile, measureCommands, median, type RunSample } from "./spawner.ts";

const ROUNDS = 7;

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
    `medians of ${ROUNDS} runs each, taken in turn; ours also verifies every byte, ` +
    "flushes the file system once and starts a program";
  return [
    {
      what: "first start with a 95 MB runtime",
      unit: "ms",
      ...await compareWith(context, "cold-file", [start, file], (stored) => ({
        name: "`zstd -d` to a file",
        command: `exec zstd -q -d -f ${quote(stored)} -o ${
          quote(context.path("decoded"))
        }`,
      })),
      bar: { of: "ratio", limit: 1.3, kind: "at most" },
      note,
    },
    {
      what: "the same as a directory",
      unit: "ms",
      ...await compareWith(context, "cold-tree", [start, tree], (stored) => ({
        name: "`zstd -d \\| tar x`",
        command: `mkdir -p ${quote(context.path("tree"))} && ` +
          `zstd -q -d -c ${quote(stored)} | tar x -C ${
            quote(context.path("tree"))
          }`,
      })),
      note,
    },
  ];
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
): Promise<Pick<BenchRow, "ours" | "other">> {
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
  const ours: RunSample[] = [];
  const theirs: RunSample[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    for (const left of [cache, context.path("decoded"), context.path("tree")]) {
      rmSync(left, { recursive: true, force: true });
    }
    // What the last round wrote must not be flushed at the cost of this one.
    await runChecked(["sync"]);
    const [first, second] = await measureCommands(context, 1, commands);
    ours.push(...first ?? []);
    theirs.push(...second ?? []);
  }
  return {
    ours: median(ours, "ms"),
    other: { name: rival.name, value: median(theirs, "ms") },
  };
}
