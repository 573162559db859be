/** The real launcher, as the front of the package that it reads. @module */

import { ACCEPTED } from "./outcome.ts";
import type { Outcome } from "./outcome.ts";

/** How long any package may keep the launcher busy, in milliseconds. */
const PATIENCE_MS = 60_000;

/** Where a launcher keeps what it extracts, and what it may see. */
export interface LauncherOptions {
  /** Its cache root. */
  readonly cache: string;
  /** Whether the peak memory is wanted; costs a poll per millisecond. */
  readonly measure?: boolean;
}

/** Starts the package; its program is `true`. */
export async function startWithLauncher(
  file: string,
  options: LauncherOptions,
): Promise<Outcome> {
  return await run(file, [], {}, options);
}

/** Asks the launcher to verify the package that it belongs to. */
export async function verifyWithLauncher(
  file: string,
  options: LauncherOptions,
): Promise<Outcome> {
  return await run(file, ["verify"], { FLAVOR_LAUNCHER_CLI: "1" }, options);
}

async function run(
  file: string,
  args: readonly string[],
  env: Readonly<Record<string, string>>,
  options: LauncherOptions,
): Promise<Outcome> {
  const child = new Deno.Command(file, {
    args: [...args],
    env: {
      PATH: "/usr/bin:/bin",
      HOME: options.cache,
      FLAVOR_CACHE: options.cache,
      ...env,
    },
    clearEnv: true,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
    signal: AbortSignal.timeout(PATIENCE_MS),
  }).spawn();
  const peak = options.measure ? pollPeakMemory(child) : undefined;
  const { code, signal, stderr, stdout } = await child.output();
  const detail = new TextDecoder().decode(stderr) +
    new TextDecoder().decode(stdout);
  const outcome = toOutcome(code, signal, detail);
  return peak === undefined ? outcome : { ...outcome, peakMemory: await peak };
}

/** The launcher's own exit codes start at 101, and 101 is a bug. */
function toOutcome(
  code: number,
  signal: string | null,
  detail: string,
): Outcome {
  if (code === 0) return ACCEPTED;
  const named = /\[([a-z]+\/[a-z-]+)\]|"code":\s*"([a-z]+\/[a-z-]+)"/.exec(
    detail,
  );
  const found = named?.[1] ?? named?.[2];
  if (signal !== null || code === 101 || found === undefined) {
    return { verdict: "crash", code: signal ?? `exit ${code}`, detail };
  }
  return { verdict: "refuse", code: found, detail };
}

/** The high-water mark of resident memory, read until the process is gone. */
async function pollPeakMemory(child: Deno.ChildProcess): Promise<number> {
  let isRunning = true;
  const ended = child.status.then(() => isRunning = false);
  let peak = 0;
  while (isRunning) {
    peak = Math.max(peak, readPeakMemory(`/proc/${child.pid}/status`));
    await Promise.race([
      ended,
      new Promise((resolve) => setTimeout(resolve, 1)),
    ]);
  }
  return peak;
}

/**
 * Reads `VmHWM` of a process.
 *
 * @param path Its status file.
 * @returns Bytes; 0 where there is no such file.
 */
export function readPeakMemory(path: string): number {
  try {
    const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync(path))
      ?.[1];
    return Number(kibibytes ?? 0) * 1024;
  } catch {
    return 0;
  }
}
