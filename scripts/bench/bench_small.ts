import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { packCommand, writeManifest } from "./pack_application.ts";
import { quote } from "./run_checked.ts";
import { compile, measureCommands, median } from "./spawner.ts";
import { writeSmallFiles } from "./write_trees.ts";

const ROUNDS = 5;

/**
 * Measures packing 20,000 small files without compression.
 *
 * @param context Where to work.
 * @returns The row.
 */
export async function benchSmall(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const tree = context.path("small");
  const files = writeSmallFiles(tree);
  const nothing = await compile(context, "nothing");
  const manifest = writeManifest(context, "small-files", [
    {
      id: "program",
      source: nothing,
      target: "bin/nothing",
      operations: "raw",
      permissions: "0755",
    },
    { id: "tree", source: tree, target: "{workenv}", operations: "tar" },
  ]);
  const output = context.path("small.psp");
  const [ours, theirs, startUp] = await measureCommands(context, ROUNDS, [
    packCommand(context, manifest, output, "--no-verify"),
    [
      "/bin/sh",
      "-c",
      `tar cf ${quote(context.path("small.tar"))} -C ${quote(tree)} .`,
    ],
    context.flavor("--version"),
  ]);
  const start = median(startUp, "ms");
  const rate = (ms: number): number => files / (ms / 1000);
  const other = { name: "`tar c`", value: rate(median(theirs, "ms")) };
  const shared = { unit: "files/s", other } as const;
  const wall = median(ours, "ms");
  return [
    {
      ...shared,
      what: "20,000 small files packed, not compressed",
      ours: rate(wall - start),
      bar: { of: "ours", limit: 15_000, kind: "at least" },
      note: `without the ${
        Math.round(start)
      } ms in which Deno and the command line start; medians of ${ROUNDS} runs`,
    },
    { ...shared, what: "the same with the start of Deno", ours: rate(wall) },
  ];
}
