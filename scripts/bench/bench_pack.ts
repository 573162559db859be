import { existsSync, statSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { packCommand, writeManifest } from "./pack_application.ts";
import { quote } from "./run_checked.ts";
import { compile, measureCommands, median } from "./spawner.ts";
import { writeMixedTree } from "./write_trees.ts";

const ROUNDS = 5;

/**
 * Measures packing a directory of 100 MB against `tar` and a compressor at the
 * same level and number of threads.
 *
 * @param context Where to work.
 * @returns The rows.
 */
export async function benchPack(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const tree = context.path("mixed");
  if (!existsSync(tree)) await writeMixedTree(tree, Deno.execPath());
  const nothing = await compile(context, "nothing");
  const threads = navigator.hardwareConcurrency;
  const tar = `tar cf - -C ${quote(tree)} .`;
  const rivals = [
    {
      chain: "tar.zst",
      name: `tar \\| zstd -3 -T${threads}`,
      pipe: `zstd -q -3 -T${threads} -f`,
    },
    { chain: "tar.gz", name: "tar \\| gzip -9", pipe: "gzip -9" },
  ];
  const rows: BenchRow[] = [];
  for (const { chain, name, pipe } of rivals) {
    const manifest = writeManifest(context, `pack-${chain}`, [
      {
        id: "program",
        source: nothing,
        target: "bin/nothing",
        operations: "raw",
        permissions: "0755",
      },
      { id: "tree", source: tree, target: "{workenv}", operations: chain },
    ]);
    const [ours, noVerify, theirs, startUp] = await measureCommands(
      context,
      ROUNDS,
      [
        packCommand(
          context,
          manifest,
          context.path("ours.psp"),
          "--jobs",
          String(threads),
        ),
        packCommand(
          context,
          manifest,
          context.path("ours.psp"),
          "--jobs",
          String(threads),
          "--no-verify",
        ),
        ["/bin/sh", "-c", `${tar} | ${pipe} >${quote(context.path("theirs"))}`],
        context.flavor("--version"),
      ],
    );
    const other = { name: `\`${name}\``, value: median(theirs, "ms") / 1000 };
    const start = Math.round(median(startUp, "ms"));
    const sizes = [context.path("ours.psp"), context.path("theirs")].map((
      path,
    ) => Math.round(statSync(path).size / 1024 ** 2));
    const note =
      `medians of ${ROUNDS} runs; ours takes ${threads} threads, includes ${start} ms for the start ` +
      `of Deno and the command line, every digest and fsync, and makes ${
        sizes[0]
      } MiB of what ` +
      `the other makes ${sizes[1]} MiB of${
        chain === "tar.gz" ? " with its one thread" : ""
      }`;
    rows.push(
      {
        what:
          `pack a directory of 100 MB as \`${chain}\`, and verify the result`,
        unit: "s",
        ours: median(ours, "ms") / 1000,
        other,
        ...(chain === "tar.zst"
          ? { bar: { of: "ratio", limit: 1.2, kind: "at most" } as const }
          : {}),
        note,
      },
      {
        what: `the same with \`--no-verify\``,
        unit: "s",
        ours: median(noVerify, "ms") / 1000,
        other,
        note,
      },
    );
  }
  return rows;
}
