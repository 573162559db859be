import { PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import type { Command } from "./command.ts";

/** They read no files, or make the directory as they make what is in it. */
const NEED_NONE: ReadonlySet<Command["kind"]> = new Set([
  "help",
  "version",
  "completions",
  "init",
]);

/**
 * Does what `-C` asks for. A directory that is missing is said to be, rather
 * than the first file that a command does not find in it.
 *
 * @param path The directory; the one that the program was started in when absent.
 * @param kind The command.
 * @param host The machine.
 * @returns The machine as seen from the directory.
 * @throws {PspfError} `io/not-found`, `io/denied`, `io/failed`
 */
export async function enterDirectory(
  path: string | undefined,
  kind: Command["kind"],
  host: Host,
): Promise<Host> {
  if (path === undefined) return host;
  if (NEED_NONE.has(kind)) return host.within(path);
  const facts = await host.reader.facts(path);
  if (facts?.kind === "directory") return host.within(path);
  const problem = `Cannot work in ${JSON.stringify(path)}`;
  throw facts === undefined
    ? new PspfError("io/not-found", `${problem}: no such directory`, {
      context: { path },
      hint: "Check what is given with -C",
    })
    : new PspfError("io/failed", `${problem}: it is not a directory`, {
      context: { path, actual: facts.kind },
      hint: "Check what is given with -C",
    });
}
