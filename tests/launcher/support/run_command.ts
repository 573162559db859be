import { Buffer } from "node:buffer";
import { spawn } from "node:child_process";

/** Far beyond what any start takes: reaching it means that something hangs. */
const HANG_MS = 120_000;

/** What a command runs with. */
export interface RunOptions {
  /** The whole environment; nothing is inherited. */
  readonly env?: Readonly<Record<string, string>>;
  /** Working directory. */
  readonly cwd?: string;
  /** User id to run as, which only root can choose. */
  readonly uid?: number;
  /** Called with the process id as soon as the command runs. */
  readonly onStart?: (pid: number) => void;
}

/** How a command ended. */
export interface RunResult {
  /** Exit code, or 128 + n when signal n ended it. */
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

const SIGNALS: Readonly<Record<string, number>> = {
  SIGKILL: 9,
  SIGTERM: 15,
  SIGXFSZ: 25,
};

/** Enough for programs of the system, and the same on every machine. */
export const BASE_ENV: Readonly<Record<string, string>> = {
  PATH: "/usr/local/bin:/usr/bin:/bin",
};

/**
 * Runs a command to its end with closed stdin.
 *
 * @param command Program and arguments.
 * @param options What it runs with.
 * @returns Exit code and output.
 * @throws {Error} When the program cannot be started, or hangs.
 */
export function runCommand(
  command: readonly string[],
  options: RunOptions = {},
): Promise<RunResult> {
  const { env = BASE_ENV, cwd = "/", uid, onStart } = options;
  const [program = "", ...args] = command;
  const { promise, resolve, reject } = Promise.withResolvers<RunResult>();
  const child = spawn(program, args, {
    cwd,
    env,
    stdio: ["ignore", "pipe", "pipe"],
    ...(uid === undefined ? {} : { uid, gid: uid }),
  });
  const stdout: Uint8Array[] = [];
  const stderr: Uint8Array[] = [];
  child.stdout.on("data", (chunk: Uint8Array) => stdout.push(chunk));
  child.stderr.on("data", (chunk: Uint8Array) => stderr.push(chunk));
  const guard = setTimeout(() => {
    child.kill("SIGKILL");
    reject(new Error(`${command.join(" ")} hangs; it said: ${text(stderr)}`));
  }, HANG_MS);
  child.on("error", reject);
  child.on("close", (code, signal) => {
    clearTimeout(guard);
    const ended = code ?? 128 + (SIGNALS[signal ?? ""] ?? 0);
    resolve({ code: ended, stdout: text(stdout), stderr: text(stderr) });
  });
  if (child.pid !== undefined) onStart?.(child.pid);
  return promise;
}

function text(chunks: readonly Uint8Array[]): string {
  return Buffer.concat(chunks).toString();
}
