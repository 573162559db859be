import { existsSync, statSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { BenchContext } from "./bench_context.ts";
import { runChecked } from "./run_checked.ts";

/** A command to measure: `NAME=VALUE` words, an absolute program, its arguments. */
export type MeasuredCommand = readonly string[];

/** One run of one command. */
export interface RunSample {
  /** From before the start until the end was collected, in milliseconds. */
  readonly ms: number;
  /** Peak resident memory in MiB. */
  readonly memory: number;
  /** Minor page faults. */
  readonly faults: number;
}

/**
 * Runs commands in turn and measures each run with a small native program,
 * whose own part in a start is a vfork.
 *
 * @param context Where the compiled program goes.
 * @param rounds How often each command runs.
 * @param commands What to run.
 * @returns The samples of each command, in the order of the commands.
 * @throws {Error} When a command fails.
 */
export async function measureCommands(
  context: BenchContext,
  rounds: number,
  commands: readonly MeasuredCommand[],
): Promise<readonly (readonly RunSample[])[]> {
  const spawner = await compile(context, "spawner");
  const words = commands.flatMap((command) => ["--", ...command]);
  const output = await runChecked([spawner, String(rounds), ...words]);
  const samples: RunSample[][] = commands.map(() => []);
  for (const line of output.trimEnd().split("\n")) {
    const [number = 0, took = 0, peak = 0, faults = 0, code = 0] = line.split(
      " ",
    ).map(Number);
    if (code !== 0) {
      throw new Error(`${commands[number]?.join(" ")} failed with ${code}`);
    }
    samples[number]?.push({ ms: took / 1e6, memory: peak / 1024, faults });
  }
  return samples;
}

/**
 * Compiles one of the C programs beside this file, unless that was done before.
 *
 * @param context Where it goes.
 * @param name Its name without `.c`.
 * @returns Absolute path of the static binary.
 */
export async function compile(
  context: BenchContext,
  name: string,
): Promise<string> {
  const source = fileURLToPath(new URL(`${name}.c`, import.meta.url));
  const binary = context.generated(name);
  if (
    !existsSync(binary) || statSync(binary).mtimeMs < statSync(source).mtimeMs
  ) {
    await runChecked([
      "cc",
      "-O2",
      "-Wall",
      "-Wextra",
      "-static",
      "-o",
      binary,
      source,
    ]);
  }
  return binary;
}

/**
 * The middle of one column of samples.
 *
 * @param samples At least one sample.
 * @param field Which number.
 * @returns The median.
 */
export function median(
  samples: readonly RunSample[] | undefined,
  field: keyof RunSample,
): number {
  const sorted = (samples ?? []).map((sample) => sample[field]).sort((a, b) =>
    a - b
  );
  const middle = sorted[Math.floor(sorted.length / 2)];
  if (middle === undefined) throw new RangeError("There are no samples");
  return middle;
}

/** The shortest of some runs, in milliseconds. */
export function fastest(samples: readonly RunSample[] = []): number {
  return Math.min(...samples.map(({ ms }) => ms));
}
