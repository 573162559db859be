import { fromFileUrl, resolve } from "@std/path";
import fs from "node:fs";
import os from "node:os";

import { fileError } from "./file_error.ts";
import { SystemLocks } from "./file_lock.ts";
import { Interrupts } from "./interrupts.ts";
import { SystemFiles } from "./system_files.ts";
import { SystemProcesses } from "./system_processes.ts";
import { Temporaries } from "./temporaries.ts";
import type { Environment, Host, Machine, Terminal } from "./types.ts";

/** Options of {@linkcode createDenoHost}. */
export interface DenoHostOptions {
  /**
   * Whether SIGINT, SIGTERM and SIGHUP end the program, after what is not
   * finished has been removed. A library inside of another program leaves its
   * signals alone.
   *
   * @default {false}
   */
  readonly endOnSignals?: boolean;
}

/** The machine that this program runs on. */
export function createDenoHost(options: DenoHostOptions = {}): Host {
  const temporaries = new Temporaries();
  const interrupts = new Interrupts(temporaries, clearLine);
  if (options.endOnSignals === true) interrupts.listen();
  return hostWithin(undefined, temporaries, interrupts);
}

function hostWithin(
  directory: string | undefined,
  temporaries: Temporaries,
  interrupts: Interrupts,
): Host {
  const files = new SystemFiles(directory, temporaries);
  return {
    reader: files,
    writer: files,
    locks: new SystemLocks(),
    processes: new SystemProcesses(interrupts, () => directory),
    env: environment,
    clock: { now: Date.now, monotonic: () => performance.now() },
    terminal,
    machine,
    random: {
      bytes: (length) => crypto.getRandomValues(new Uint8Array(length)),
    },
    within: (next) => hostWithin(files.absolute(next), temporaries, interrupts),
  };
}

const environment: Environment = {
  get(name: string): string | undefined {
    try {
      return Deno.env.get(name);
    } catch (error) {
      // Not allowed to look: the same as not there.
      if (error instanceof Deno.errors.NotCapable) return undefined;
      throw error;
    }
  },
};

const ENCODER = new TextEncoder();

/** Gives `false` when the reader of a pipe has seen enough, as in `flavor inspect x | head`. */
function writeAll(fd: number, name: string, bytes: Uint8Array): boolean {
  try {
    for (let done = 0; done < bytes.length;) {
      done += fs.writeSync(fd, bytes, done, bytes.length - done);
    }
    return true;
  } catch (error) {
    if (isBrokenPipe(error)) return false;
    throw fileError(error, `write to ${name}`, name);
  }
}

function isBrokenPipe(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "EPIPE";
}

const terminal: Terminal = {
  stdinIsTerminal: Deno.stdin.isTerminal(),
  stdoutIsTerminal: Deno.stdout.isTerminal(),
  stderrIsTerminal: Deno.stderr.isTerminal(),
  columns(): number {
    try {
      return Deno.consoleSize().columns;
    } catch {
      return 80;
    }
  },
  writeOut(text: string): void {
    writeAll(1, "standard output", ENCODER.encode(text));
  },
  writeOutBytes: (bytes) => writeAll(1, "standard output", bytes),
  writeError(text: string): void {
    hasOpenLine = !text.endsWith("\n") && !text.endsWith(CLEAR_LINE);
    try {
      writeAll(2, "standard error", ENCODER.encode(text));
    } catch {
      // A full log takes nothing back of what was done, nor its exit code.
    }
  },
};

const CLEAR_LINE = "\r\x1b[K";
let hasOpenLine = false;

/** A progress bar has no line feed behind it. */
function clearLine(): void {
  if (hasOpenLine && terminal.stderrIsTerminal) terminal.writeError(CLEAR_LINE);
}

const ARCH_NAMES: Readonly<Record<string, string>> = {
  x86_64: "amd64",
  aarch64: "arm64",
};

/** Looked up when somebody asks, since some of it needs a permission. */
const machine: Machine = {
  platform: `${Deno.build.os}_${
    ARCH_NAMES[Deno.build.arch] ?? Deno.build.arch
  }`,
  get processors(): number {
    return navigator.hardwareConcurrency;
  },
  get user(): number | undefined {
    return userId();
  },
  get home(): string | undefined {
    return homeDirectory();
  },
  get checkout(): string | undefined {
    return findCheckout();
  },
};

function userId(): number | undefined {
  if (Deno.build.os === "windows") return undefined;
  try {
    return Deno.uid() ?? undefined;
  } catch (error) {
    // A program that only builds packages need not be allowed to ask.
    if (error instanceof Deno.errors.NotCapable) return undefined;
    throw error;
  }
}

function homeDirectory(): string | undefined {
  try {
    const home = os.homedir();
    return home === "" ? undefined : home;
  } catch {
    return undefined;
  }
}

/** A checkout has the native sources; a published library has not. */
function findCheckout(): string | undefined {
  if (!import.meta.url.startsWith("file:") || Deno.build.standalone) {
    return undefined;
  }
  const root = fromFileUrl(new URL("../..", import.meta.url));
  try {
    const cargo = resolve(root, "native", "Cargo.toml");
    return fs.existsSync(cargo) ? resolve(root) : undefined;
  } catch {
    return undefined;
  }
}
