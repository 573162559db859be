import { PspfError } from "../errors.ts";
import type { ByteSink } from "../io/byte_sink.ts";
import type { CommandContext } from "./command_spec.ts";

/** What means standard output in place of a file. */
export const STANDARD_OUTPUT = "-";

/** Refuses to put a file where text is expected. */
export function checkStandardOutput(
  what: string,
  { host, output }: CommandContext,
): void {
  if (output.json) {
    throw new PspfError(
      "usage/bad-argument",
      `--json and - cannot be used together: ${what.toLowerCase()} and the JSON object would both go to standard output`,
    );
  }
  if (!host.terminal.stdoutIsTerminal) return;
  throw new PspfError(
    "usage/bad-argument",
    `${what} is not written to a terminal`,
    { hint: "Redirect it with > FILE, or into another program with |" },
  );
}

/** Standard output as a place for a whole file. */
export function standardOutputSink({ host }: CommandContext): ByteSink {
  return {
    name: "standard output",
    write(chunk): Promise<void> {
      if (host.terminal.writeOutBytes(chunk)) return Promise.resolve();
      throw new PspfError(
        "io/failed",
        "Cannot write to standard output: the reader has closed it",
      );
    },
    reopen: () => Promise.reject(new TypeError("a pipe is read once")),
    commit: () => Promise.resolve(),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Writes bytes until they end or the reader of a pipe has seen enough. */
export async function writeStandardOutput(
  chunks: AsyncIterable<Uint8Array>,
  { host }: CommandContext,
): Promise<void> {
  for await (const chunk of chunks) {
    if (!host.terminal.writeOutBytes(chunk)) return;
  }
}
