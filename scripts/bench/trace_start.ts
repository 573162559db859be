import { readFileSync } from "node:fs";
import type { BenchContext } from "./bench_context.ts";
import { runChecked } from "./run_checked.ts";

/** What one start asks of the kernel. */
export interface StartTrace {
  /** The calls from the start of the launcher to that of the program. */
  readonly calls: readonly string[];
  /** Bytes that read calls got from the package. */
  readonly packageBytes: number;
}

/**
 * Traces one warm start.
 *
 * @param context Where the log goes.
 * @param pack Absolute path of a package that has been started before.
 * @param cache Absolute path of its cache.
 * @returns Its calls.
 */
export async function traceStart(
  context: BenchContext,
  pack: string,
  cache: string,
): Promise<StartTrace> {
  const log = context.path("strace.log");
  await runChecked(["strace", "-f", "-y", "-o", log, "--", pack], {
    FLAVOR_CACHE: cache,
  });
  const lines = readFileSync(log, "utf8").split("\n").map((line) =>
    line.replace(/^\d+ +/, "")
  );
  const secondExec = lines.findIndex((line, index) =>
    index > 0 && line.startsWith("execve(")
  );
  const calls = lines.slice(0, secondExec + 1);
  return { calls, packageBytes: bytesRead(calls, pack) };
}

/** Adds up what `read`, `pread64` and their kin returned for one file. */
export function bytesRead(calls: readonly string[], path: string): number {
  let sum = 0;
  for (const call of calls) {
    const [, file, count] =
      /^p?read(?:v|64|v2)?\(\d+<([^>]*)>.* = (\d+)$/.exec(call) ?? [];
    if (file === path) sum += Number(count);
  }
  return sum;
}
