import { rmSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import type { BenchRow } from "./bench_row.ts";
import { packCommand, writeManifest } from "./pack_application.ts";
import { quote, runChecked } from "./run_checked.ts";
import {
  compile,
  measureCommands,
  type MeasuredCommand,
  median,
} from "./spawner.ts";

const SIZE = 2 * 1024 ** 3;
const TYPESCRIPT_BAR = { of: "ours", limit: 200, kind: "at most" } as const;
const LAUNCHER_BAR = { of: "ours", limit: 32, kind: "at most" } as const;

/**
 * Measures the peak memory of everything that handles a slot of 2 GiB.
 *
 * @param context Where to work; about 9 GiB are needed.
 * @returns The rows.
 */
export async function benchMemory(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const rows: BenchRow[] = [];
  const inputs = [
    { kind: "incompressible", shell: `head -c ${SIZE} /dev/urandom` },
    {
      kind: "compressible",
      shell: `while cat ${
        quote(Deno.execPath())
      }; do :; done 2>/dev/null | head -c ${SIZE}`,
    },
  ];
  const bare = await measureOnce(context, context.flavor("--version"));
  const other = { name: "`flavor --version`", value: bare };
  for (const { kind, shell } of inputs) {
    const input = context.path("large.bin");
    await runChecked(["/bin/sh", "-c", `${shell} >${quote(input)}`]);
    for (const { what, command, bar } of await commandsFor(context, input)) {
      const ours = await measureOnce(context, command);
      const row = {
        what: `${what}, 2 GiB ${kind}`,
        unit: "MiB",
        ours,
        bar,
      } as const;
      rows.push(
        bar === TYPESCRIPT_BAR ? { ...row, other, compare: "difference" } : row,
      );
    }
    for (const left of ["large.bin", "large.psp", "large.out", "large-cache"]) {
      rmSync(context.path(left), { recursive: true, force: true });
    }
  }
  return rows;
}

async function commandsFor(context: BenchContext, input: string): Promise<
  readonly {
    what: string;
    command: MeasuredCommand;
    bar: NonNullable<BenchRow["bar"]>;
  }[]
> {
  const nothing = await compile(context, "nothing");
  const manifest = writeManifest(context, "large", [
    {
      id: "program",
      source: nothing,
      target: "bin/nothing",
      operations: "raw",
      permissions: "0755",
    },
    {
      id: "large",
      source: input,
      target: "share/large.bin",
      operations: "zstd",
    },
  ]);
  const pack = context.path("large.psp");
  const cache = `FLAVOR_CACHE=${context.path("large-cache")}`;
  return [
    {
      what: "peak memory of `pack`",
      command: packCommand(context, manifest, pack),
      bar: TYPESCRIPT_BAR,
    },
    {
      what: "of `verify`",
      command: context.flavor("verify", pack),
      bar: TYPESCRIPT_BAR,
    },
    {
      what: "of `extract`",
      command: context.flavor("extract", pack, "1", context.path("large.out")),
      bar: TYPESCRIPT_BAR,
    },
    { what: "of the first start", command: [cache, pack], bar: LAUNCHER_BAR },
  ];
}

async function measureOnce(
  context: BenchContext,
  command: MeasuredCommand,
): Promise<number> {
  const [samples] = await measureCommands(context, 1, [command]);
  return median(samples, "memory");
}
