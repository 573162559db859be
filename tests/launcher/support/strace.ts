import { readFileSync } from "node:fs";
import { runCommand, type RunOptions, type RunResult } from "./run_command.ts";

/** Every call that changes a file system, or holds others off while it is changed. */
export const CHANGING_CALLS: readonly string[] = [
  "openat",
  "open",
  "creat",
  "mkdir",
  "mkdirat",
  "write",
  "writev",
  "pwrite64",
  "copy_file_range",
  "rename",
  "renameat",
  "renameat2",
  "unlink",
  "unlinkat",
  "rmdir",
  "symlink",
  "symlinkat",
  "link",
  "linkat",
  "chmod",
  "fchmod",
  "fchmodat",
  "fchmodat2",
  "ftruncate",
  "fallocate",
  "utimensat",
  "fsync",
  "fdatasync",
  "syncfs",
  "flock",
  "execve",
];

/** One place in a run: the n-th call of one kind by any one thread. */
export interface CallPoint {
  readonly call: string;
  /** From 1; strace counts per thread. */
  readonly nth: number;
}

/** How strace tampers with a call. */
export interface Injection extends CallPoint {
  /** What happens instead of the call, or to the process that makes it. */
  readonly effect: `signal=${string}` | `error=${string}`;
}

/**
 * Runs a command with one tampered call.
 *
 * The effect strikes before the call has done anything; a signal strikes all
 * threads of the process.
 *
 * @param command Program and arguments.
 * @param injection What to tamper with.
 * @param options What the command runs with.
 * @returns How the command ended.
 */
export function runInjected(
  command: readonly string[],
  injection: Injection,
  options: RunOptions = {},
): Promise<RunResult> {
  const { call, nth, effect } = injection;
  const when = `${call}:${effect}:when=${nth}`;
  // Not with --seccomp-bpf: strace 6.1 would drop the signal.
  const flags = [
    "-f",
    "-qqq",
    "-o",
    "/dev/null",
    "-e",
    `trace=${call}`,
  ];
  return runCommand([
    "strace",
    ...flags,
    "-e",
    `inject=${when}`,
    "--",
    ...command,
  ], options);
}

/**
 * Runs a command and lists the calls that it makes.
 *
 * @param command Program and arguments.
 * @param log Absolute path of a file to write.
 * @param options What the command runs with.
 * @returns Every point, each call from its first to its last occurrence in the
 * thread that makes most of them.
 */
export async function listCallPoints(
  command: readonly string[],
  log: string,
  options: RunOptions = {},
): Promise<readonly CallPoint[]> {
  const flags = [
    "-f",
    "-qqq",
    "--seccomp-bpf",
    "-o",
    log,
    "-e",
    `trace=?${CHANGING_CALLS.join(",?")}`,
  ];
  const { code, stderr } = await runCommand([
    "strace",
    ...flags,
    "--",
    ...command,
  ], options);
  if (code !== 0) {
    throw new Error(`The traced run failed with ${code}: ${stderr}`);
  }
  return parseCallPoints(readFileSync(log, "utf8"));
}

/** Finds the points in a strace log of lines like `123 openat(AT_FDCWD, …`. */
export function parseCallPoints(log: string): readonly CallPoint[] {
  const counts = new Map<string, number>();
  const most = new Map<string, number>();
  for (const [, thread = "", call = ""] of log.matchAll(/^(\d+) +(\w+)\(/gm)) {
    const nth = (counts.get(`${thread} ${call}`) ?? 0) + 1;
    counts.set(`${thread} ${call}`, nth);
    most.set(call, Math.max(most.get(call) ?? 0, nth));
  }
  return [...most].flatMap(([call, count]) =>
    Array.from({ length: count }, (_, index) => ({ call, nth: index + 1 }))
  );
}
