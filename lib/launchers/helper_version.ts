import type { ProcessRunner } from "../host/types.ts";

/** A helper answers at once or not at all. */
const TIMEOUT_MS = 5_000;

/**
 * Asks a helper for its version by running it with `--version`.
 *
 * @param path The helper; it must run on this machine.
 * @param processes Runs it.
 * @returns The first line it prints; `undefined` when it gives no answer.
 */
export async function helperVersion(
  path: string,
  processes: ProcessRunner,
): Promise<string | undefined> {
  try {
    const request = { program: path, args: ["--version"] };
    const { code, stdout } = await processes.capture(request, TIMEOUT_MS);
    if (code !== 0) return undefined;
    const line = new TextDecoder().decode(stdout).split("\n")[0]?.trim();
    return line === "" ? undefined : line;
  } catch {
    return undefined;
  }
}
