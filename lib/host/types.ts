import type { ByteSink } from "../io/byte_sink.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import type { FileTree } from "../io/file_tree.ts";
import type { RandomAccessSource } from "../io/random_access_source.ts";

/** What kind of thing a path names. */
export type FileKind = "file" | "directory" | "symlink" | "other";

/** Facts about one path. */
export interface FileFacts {
  /** What it is. */
  readonly kind: FileKind;
  /** Length in bytes. */
  readonly size: number;
  /** Permission bits, at most 0o777; 0 where the system has none. */
  readonly mode: number;
  /** Numeric owner; `undefined` where the system has none. */
  readonly owner: number | undefined;
  /** Last change of the content, in milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** Looks at files and reads them. */
export interface FileReader {
  /** Resolves a path against the working directory, by its text alone. */
  absolute(path: string): string;
  /** Facts about what a path leads to, links followed. */
  facts(path: string): Promise<FileFacts | undefined>;
  /** Facts about the path itself, links not followed. */
  linkFacts(path: string): Promise<FileFacts | undefined>;
  /** Resolves every link in a path. */
  realPath(path: string): Promise<string>;
  /** Where a link points. */
  readLink(path: string): Promise<string | undefined>;
  /** Names in a directory, sorted. */
  list(path: string): Promise<readonly string[]>;
  /** Reads a small file whole. */
  readBytes(path: string, limit: number): Promise<Uint8Array<ArrayBuffer>>;
  /** Opens a file for reading at any offset. */
  openSource(path: string): Promise<RandomAccessSource>;
  /** Opens a directory as a source for an archive. */
  openTree(path: string): Promise<FileTree>;
}

/** Options of {@linkcode FileWriter.createSink}. */
export interface SinkOptions {
  /**
   * Permission bits of the finished file; the umask does not apply.
   *
   * @default {0o644}
   */
  readonly mode?: number | undefined;
  /**
   * Whether an existing file is replaced at commit.
   *
   * @default {false}
   */
  readonly replace?: boolean | undefined;
  /**
   * Whether the commit waits until the bytes are on the disk: for what cannot
   * be made again.
   *
   * @default {false}
   */
  readonly durable?: boolean | undefined;
}

/** A directory that becomes visible under its name only when it is complete. */
export interface DirectoryDraft extends AsyncDisposable {
  /** Where to extract to. */
  readonly target: ExtractTarget;
  /** Publishes the content under the final name. */
  commit(): Promise<void>;
}

/** Creates and removes files. */
export interface FileWriter {
  /** Creates a directory and its parents; an existing one is fine. */
  makeDirectory(path: string, mode?: number): Promise<void>;
  /** Opens a file that appears under its name only when it is complete. */
  createSink(path: string, options?: SinkOptions): Promise<ByteSink>;
  /**
   * Starts a directory that appears under its name only when it is complete.
   */
  createDirectory(path: string, merge?: boolean): Promise<DirectoryDraft>;
  /** Renames a file or directory; a file that exists is replaced. */
  rename(from: string, to: string): Promise<void>;
  /** Notes that a file was used, as the time of its last change. */
  touch(path: string): Promise<void>;
  /**
   * Removes a file, or a directory with everything in it, directories that
   * forbid it included. Links are removed, never followed.
   */
  remove(path: string): Promise<void>;
  /** A fresh private directory. */
  makeTemporaryDirectory(prefix: string): Promise<string>;
}

/** A lock that is held until it is disposed or the process ends. */
export type HeldLock = Disposable;

/** Advisory locks of the operating system, one per file. */
export interface FileLocks {
  /** Takes an exclusive lock without waiting, creating the file when needed. */
  tryExclusive(path: string): Promise<HeldLock | undefined>;
}

/** A program to run. */
export interface RunRequest {
  /** The program: a path, or a name looked up in PATH. */
  readonly program: string;
  /** Its arguments, without the program. */
  readonly args: readonly string[];
  /** Its working directory; ours when absent. */
  readonly cwd?: string;
  /** Variables to set over the inherited ones. */
  readonly env?: Readonly<Record<string, string>>;
}

/** What became of a program. */
export interface RunOutcome {
  /** Its exit code; 128 + n when signal n ended it. */
  readonly code: number;
}

/** A program's outcome together with what it printed. */
export interface CapturedOutcome extends RunOutcome {
  /** Standard output. */
  readonly stdout: Uint8Array;
  /** Standard error. */
  readonly stderr: Uint8Array;
}

/** Starts programs. */
export interface ProcessRunner {
  /**
   * Runs a program in our place: it has our streams, and gets the signals that
   * are sent to us.
   */
  runInPlace(request: RunRequest): Promise<RunOutcome>;
  /** Runs a program with its output on our standard error. */
  runTool(request: RunRequest): Promise<RunOutcome>;
  /** Runs a program and keeps what it prints; it reads nothing. */
  capture(request: RunRequest, timeoutMs: number): Promise<CapturedOutcome>;
  /** What other processes run from or work in, where the system tells. */
  others(): Promise<readonly ProcessFacts[]>;
}

/** What is known about a running process. */
export interface ProcessFacts {
  /** Process number. */
  readonly id: number;
  /** Paths of its program, its working directory and its root. */
  readonly paths: readonly string[];
  /** Its `FLAVOR_WORKENV`, where it may be read. */
  readonly workenv: string | undefined;
}

/** The environment variables. */
export interface Environment {
  /** One variable. */
  get(name: string): string | undefined;
}

/** The time. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number;
  /** Milliseconds from some point in the past, never going back. */
  monotonic(): number;
}

/** The terminal, or whatever stands in for it. */
export interface Terminal {
  /** Whether standard input is a terminal. */
  readonly stdinIsTerminal: boolean;
  /** Whether standard output is a terminal. */
  readonly stdoutIsTerminal: boolean;
  /** Whether standard error is a terminal. */
  readonly stderrIsTerminal: boolean;
  /** Width of the terminal in columns. */
  columns(): number;
  /** Writes to standard output. */
  writeOut(text: string): void;
  /** Writes bytes to standard output. */
  writeOutBytes(bytes: Uint8Array): boolean;
  /** Writes to standard error. */
  writeError(text: string): void;
}

/** The machine. */
export interface Machine {
  /** Operating system and architecture as `<os>_<arch>`. */
  readonly platform: string;
  /** Number of processors. */
  readonly processors: number;
  /** Numeric user; `undefined` where the system has none. */
  readonly user: number | undefined;
  /** Home directory; `undefined` when none is known. */
  readonly home: string | undefined;
  /** Path of the checkout that this program runs from, if it does. */
  readonly checkout: string | undefined;
}

/** Random bytes that nobody can predict. */
export interface Random {
  /** Fresh random bytes. */
  bytes(length: number): Uint8Array<ArrayBuffer>;
}

/**
 * Everything that the program needs of the machine it runs on.
 *
 * @internal
 */
export interface Host {
  /** Reading files. */
  readonly reader: FileReader;
  /** Writing files. */
  readonly writer: FileWriter;
  /** Locks. */
  readonly locks: FileLocks;
  /** Other programs. */
  readonly processes: ProcessRunner;
  /** Environment variables. */
  readonly env: Environment;
  /** Time. */
  readonly clock: Clock;
  /** Terminal. */
  readonly terminal: Terminal;
  /** Machine. */
  readonly machine: Machine;
  /** Randomness. */
  readonly random: Random;
  /** The same host with another working directory for relative paths. */
  within(directory: string): Host;
}
