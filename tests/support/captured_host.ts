import { createDenoHost } from "../../lib/host/deno_host.ts";
import type { Host } from "../../lib/host/types.ts";
import { createConsoleOutput, runCli } from "../../lib/cli/mod.ts";

/** What a command line printed, and how it ended. */
export interface CliOutcome {
  readonly code: number;
  readonly out: string;
  readonly err: string;
}

/** How a command line is run in a test. */
export interface CliOptions {
  readonly cwd: string;
  readonly env?: Readonly<Record<string, string>>;
  readonly terminal?: boolean;
  /** Replaces parts of the host. */
  readonly change?: (host: Host) => Host;
}

/** The real machine, with an environment and a terminal of its own. */
export function capturedHost(
  options: CliOptions,
  out: (text: string) => void = () => {},
  err: (text: string) => void = () => {},
): Host {
  const { cwd, env = {}, terminal = false, change = (host) => host } = options;
  const dress = (host: Host): Host => ({
    ...host,
    env: { get: (name) => env[name] },
    terminal: {
      stdinIsTerminal: terminal,
      stdoutIsTerminal: terminal,
      stderrIsTerminal: terminal,
      columns: () => 200,
      writeOut: out,
      writeOutBytes: (bytes) => {
        out(new TextDecoder("latin1").decode(bytes));
        return true;
      },
      writeError: err,
    },
    within: (directory) => dress(host.within(directory)),
  });
  return change(dress(createDenoHost().within(cwd)));
}

/** Runs one command line in this process. */
export async function cli(
  args: readonly string[],
  options: CliOptions,
): Promise<CliOutcome> {
  let out = "";
  let err = "";
  const host = capturedHost(
    options,
    (text) => out += text,
    (text) => err += text,
  );
  const code = await runCli(args, host, createConsoleOutput(host));
  return { code, out, err };
}
