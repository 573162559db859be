import fs from "node:fs";
import os from "node:os";

import { PspfError } from "../errors.ts";
import { quotePath } from "./file_error.ts";
import type { Interrupts } from "./interrupts.ts";
import type {
  CapturedOutcome,
  ProcessFacts,
  ProcessRunner,
  RunOutcome,
  RunRequest,
} from "./types.ts";

/** Signals that a wrapped program gets when they are sent to us. */
const FORWARDED: readonly Deno.Signal[] = Deno.build.os === "windows"
  ? ["SIGINT", "SIGBREAK"]
  : [
    "SIGINT",
    "SIGTERM",
    "SIGHUP",
    "SIGQUIT",
    "SIGUSR1",
    "SIGUSR2",
    "SIGWINCH",
  ];

/** Signals that a terminal sends to the whole foreground group by itself. */
const FROM_TERMINAL: readonly Deno.Signal[] = [
  "SIGINT",
  "SIGQUIT",
  "SIGWINCH",
  "SIGBREAK",
];

/** Programs of this machine. */
export class SystemProcesses implements ProcessRunner {
  readonly #interrupts: Interrupts;
  readonly #cwd: () => string | undefined;

  constructor(interrupts: Interrupts, cwd: () => string | undefined) {
    this.#interrupts = interrupts;
    this.#cwd = cwd;
  }

  async runInPlace(request: RunRequest): Promise<RunOutcome> {
    using _suspended = this.#interrupts.suspend();
    const child = this.#spawn(request, {
      stdin: "inherit",
      stdout: "inherit",
      stderr: "inherit",
    });
    using _forwarding = forwardSignals(child);
    return outcomeOf(await child.status);
  }

  async runTool(request: RunRequest): Promise<RunOutcome> {
    const child = this.#spawn(request, {
      stdin: "null",
      stdout: "piped",
      stderr: "inherit",
    });
    using _ended = this.#interrupts.endWith(() => killNow(child));
    const copied = child.stdout.pipeTo(Deno.stderr.writable, {
      preventClose: true,
    });
    const [status] = await Promise.all([child.status, copied]);
    return outcomeOf(status);
  }

  async capture(
    request: RunRequest,
    timeoutMs: number,
  ): Promise<CapturedOutcome> {
    const { input } = request;
    const child = this.#spawn(request, {
      stdin: input === undefined ? "null" : "piped",
      stdout: "piped",
      stderr: "piped",
    });
    using _ended = this.#interrupts.endWith(() => killNow(child));
    const timer = setTimeout(() => killNow(child), timeoutMs);
    try {
      // Whoever does not read it is judged by what it prints.
      if (input !== undefined) {
        await new Response(input).body?.pipeTo(child.stdin).catch(() => {});
      }
      const output = await child.output();
      const { stdout, stderr } = output;
      return { ...outcomeOf(output), stdout, stderr };
    } finally {
      clearTimeout(timer);
    }
  }

  others(): Promise<readonly ProcessFacts[]> {
    return Promise.resolve(Deno.build.os === "linux" ? scanProc() : []);
  }

  #spawn(
    request: RunRequest,
    streams: Pick<Deno.CommandOptions, "stdin" | "stdout" | "stderr">,
  ): Deno.ChildProcess {
    const { program, args, env, clearEnv, cwd = this.#cwd() } = request;
    try {
      return new Deno.Command(program, {
        args: [...args],
        ...(cwd === undefined ? {} : { cwd }),
        ...(env === undefined ? {} : { env: { ...env } }),
        clearEnv: clearEnv ?? false,
        ...streams,
      }).spawn();
    } catch (error) {
      throw new PspfError(
        "run/cannot-execute",
        `Cannot start ${quotePath(program)}: ${reasonOf(error)}`,
        {
          context: { program },
          hint: error instanceof Deno.errors.NotFound
            ? "Install it, or put its directory into PATH"
            : "Check that it may be executed here (mode, noexec mount, platform)",
          cause: error,
        },
      );
    }
  }
}

function killNow(child: Deno.ChildProcess): void {
  try {
    child.kill("SIGKILL");
  } catch {
    // It ended in the same moment.
  }
}

function reasonOf(error: unknown): string {
  if (error instanceof Deno.errors.NotFound) return "no such program";
  if (error instanceof Deno.errors.PermissionDenied) return "permission denied";
  return error instanceof Error ? error.message : String(error);
}

function outcomeOf(status: Deno.CommandStatus): RunOutcome {
  const { code, signal } = status;
  const number = signal === null
    ? undefined
    : os.constants.signals[signal as NodeJS.Signals];
  return { code: number === undefined ? code : 128 + number };
}

function forwardSignals(child: Deno.ChildProcess): Disposable {
  // With a terminal in front, Ctrl-C reaches the program without our help, and
  // a second copy would be a second Ctrl-C.
  const skipped = Deno.stdin.isTerminal() ? FROM_TERMINAL : [];
  const listeners = FORWARDED.map((signal) => {
    const listener = (): void => {
      if (skipped.includes(signal)) return;
      try {
        child.kill(signal);
      } catch {
        // It ended in the same moment.
      }
    };
    Deno.addSignalListener(signal, listener);
    return { signal, listener };
  });
  return {
    [Symbol.dispose]: (): void => {
      for (const { signal, listener } of listeners) {
        Deno.removeSignalListener(signal, listener);
      }
    },
  };
}

/** Without the permission to look, the locks alone have to tell. */
function listProc(): string[] {
  try {
    return fs.readdirSync("/proc");
  } catch {
    return [];
  }
}

function scanProc(): ProcessFacts[] {
  return listProc()
    .filter((name) => /^[0-9]+$/.test(name))
    .map((name) => ({
      id: Number(name),
      paths: ["exe", "cwd", "root"].map((link) => `/proc/${name}/${link}`)
        .map(readLinkOrEmpty).filter((path) => path !== ""),
      workenv: workenvOf(`/proc/${name}/environ`),
    }));
}

function readLinkOrEmpty(path: string): string {
  try {
    return fs.readlinkSync(path).replace(/ \(deleted\)$/, "");
  } catch {
    return "";
  }
}

function workenvOf(path: string): string | undefined {
  try {
    return fs.readFileSync(path, "utf-8").split("\0")
      .find((line) => line.startsWith("FLAVOR_WORKENV="))
      ?.slice("FLAVOR_WORKENV=".length);
  } catch {
    return undefined;
  }
}
