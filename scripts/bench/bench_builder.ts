import { existsSync, rmSync, statSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { writeManifest } from "./pack_application.ts";
import { quote, runChecked } from "./run_checked.ts";
import {
  compile,
  measureCommands,
  type MeasuredCommand,
  median,
} from "./spawner.ts";
import { writeMixedTree, writeSmallFiles } from "./write_trees.ts";

const ROUNDS = 5;
const LARGE = 2 * 1024 ** 3;

/**
 * Measures the native builder: speed, memory and size.
 *
 * @param context Where to work; about 5 GiB are needed.
 * @returns The rows.
 */
export async function benchBuilder(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  return [
    {
      what: "native builder, static, all six operations",
      unit: "KiB",
      ours: statSync(context.builder).size / 1024,
      bar: { of: "ours", limit: 2048, kind: "at most" },
    },
    await benchTree(context),
    await benchFiles(context),
    ...await benchLarge(context),
  ];
}

async function command(
  context: BenchContext,
  source: string,
  operations: string,
  target: string,
): Promise<MeasuredCommand> {
  const nothing = await compile(context, "nothing");
  const manifest = writeManifest(context, `native-${operations}`, [
    {
      id: "program",
      source: nothing,
      target: "bin/nothing",
      operations: "raw",
      permissions: "0755",
    },
    { id: "content", source, target, operations },
  ]);
  return [
    context.builder,
    ...["--manifest", manifest, "--output", context.path("native.psp")],
    ...["--launcher-bin", context.launcher, "--key-seed", "bench"],
    ...["--log-level", "error"],
  ];
}

async function benchTree(context: BenchContext): Promise<BenchRow> {
  const tree = context.path("mixed");
  if (!existsSync(tree)) await writeMixedTree(tree, Deno.execPath());
  const threads = navigator.hardwareConcurrency;
  const [ours, theirs] = await measureCommands(context, ROUNDS, [
    await command(context, tree, "tar.zst", "{workenv}"),
    [
      "/bin/sh",
      "-c",
      `tar cf - -C ${quote(tree)} . | zstd -q -3 -T${threads} -f >${
        quote(context.path("theirs"))
      }`,
    ],
  ]);
  return {
    what:
      "native builder: a directory of 100 MB as `tar.zst`, verified and synced",
    unit: "s",
    ours: median(ours, "ms") / 1000,
    other: {
      name: `\`tar \\| zstd -3 -T${threads}\``,
      value: median(theirs, "ms") / 1000,
    },
    bar: { of: "ratio", limit: 1, kind: "at most" },
    note: `medians of ${ROUNDS} runs with ${threads} threads`,
  };
}

async function benchFiles(context: BenchContext): Promise<BenchRow> {
  const tree = context.path("small");
  const files = writeSmallFiles(tree);
  const [ours, theirs] = await measureCommands(context, ROUNDS, [
    await command(context, tree, "tar", "{workenv}"),
    [
      "/bin/sh",
      "-c",
      `tar cf ${quote(context.path("small.tar"))} -C ${quote(tree)} .`,
    ],
  ]);
  const rate = (ms: number): number => files / (ms / 1000);
  return {
    what: "native builder: 20,000 small files packed, not compressed",
    unit: "files/s",
    ours: rate(median(ours, "ms")),
    other: { name: "`tar c`", value: rate(median(theirs, "ms")) },
    bar: { of: "ours", limit: 60_000, kind: "at least" },
    note: `verified and synced; medians of ${ROUNDS} runs`,
  };
}

async function benchLarge(context: BenchContext): Promise<BenchRow[]> {
  const rows: BenchRow[] = [];
  const input = context.path("native.bin");
  for (
    const [kind, shell] of [
      ["incompressible", `head -c ${LARGE} /dev/urandom`],
      [
        "compressible",
        `while cat ${
          quote(Deno.execPath())
        }; do :; done 2>/dev/null | head -c ${LARGE}`,
      ],
    ] as const
  ) {
    await runChecked(["/bin/sh", "-c", `${shell} >${quote(input)}`]);
    const [samples] = await measureCommands(context, 1, [
      await command(context, input, "zstd", "share/large.bin"),
    ]);
    rows.push({
      what: `native builder: peak memory, 2 GiB ${kind}`,
      unit: "MiB",
      ours: median(samples, "memory"),
      bar: { of: "ours", limit: 64, kind: "at most" },
    });
    for (const left of [input, context.path("native.psp")]) {
      rmSync(left, { force: true });
    }
  }
  return rows;
}
