import { encodeHex } from "@std/encoding/hex";
import { DELIMITER, join } from "@std/path";
import { sha256 } from "../crypto/sha256.ts";
import { PspfError } from "../errors.ts";
import type { Host, RunRequest } from "../host/types.ts";
import { findCacheRoot } from "../workenv/cache_root.ts";

/** What finding and preparing an interpreter needs of the machine. */
export type ToolHost = Pick<
  Host,
  "reader" | "writer" | "processes" | "env" | "machine"
>;

/** Downloading and building can take long, but not for ever. */
const TIMEOUT_MS = 60 * 60 * 1000;
/** This much of what a tool said last goes into a message. */
const SHOWN_LINES = 15;

/** Looks a program up in PATH. */
export async function findProgram(
  name: string,
  { reader, env, machine }: Pick<Host, "reader" | "env" | "machine">,
): Promise<string | undefined> {
  const isWindows = machine.platform.startsWith("windows");
  const suffixes = isWindows ? [".exe", ".cmd", ""] : [""];
  for (const directory of (env.get("PATH") ?? "").split(DELIMITER)) {
    if (directory === "") continue;
    for (const suffix of suffixes) {
      const path = join(directory, name + suffix);
      const facts = await reader.facts(path);
      if (facts?.kind !== "file") continue;
      if (isWindows || (facts.mode & 0o111) !== 0) return path;
    }
  }
  return undefined;
}

/** Runs a tool to its end and gives what it printed; says why it failed. */
export async function runTool(
  what: string,
  request: RunRequest,
  { processes }: Pick<Host, "processes">,
): Promise<string> {
  const { code, stdout, stderr } = await processes.capture(request, TIMEOUT_MS);
  const text = new TextDecoder();
  if (code === 0) return text.decode(stdout);
  const said = `${text.decode(stdout)}\n${text.decode(stderr)}`.trimEnd();
  const last = said.split("\n").filter((line) => line.trim() !== "")
    .slice(-SHOWN_LINES);
  const program = request.program.split(/[/\\]/).at(-1) ?? request.program;
  throw new PspfError(
    "build/failed",
    `Cannot ${what}: ${program} ended with code ${code}\n  ${
      last.join("\n  ")
    }`,
    { context: { program, args: [...request.args], exit_code: code, said } },
  );
}

/** Runs a tool that prints JSON. */
export async function runJsonTool<T>(
  what: string,
  request: RunRequest,
  host: Pick<Host, "processes">,
): Promise<T> {
  const text = await runTool(what, request, host);
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new PspfError(
      "build/failed",
      `Cannot ${what}: ${request.program} printed no JSON`,
      { context: { program: request.program, printed: text }, cause },
    );
  }
}

/** A directory in flavor's cache for what can be made again. */
export async function toolCache(
  name: string,
  host: ToolHost,
): Promise<string> {
  const { path } = await findCacheRoot(host);
  await host.writer.makeDirectory(path, 0o700);
  const directory = join(path, name);
  await host.writer.makeDirectory(directory, 0o700);
  return directory;
}

/** A private directory on the disk of the cache, for one build; remove it. */
export async function makeWorkDirectory(host: ToolHost): Promise<string> {
  const parent = await toolCache("build", host);
  return await host.writer.makeTemporaryDirectory(join(parent, "work-"));
}

/** Gives a finished directory its name in the cache, unless another was faster. */
export async function keepInCache(
  from: string,
  to: string,
  { reader, writer }: Pick<Host, "reader" | "writer">,
): Promise<void> {
  try {
    await writer.rename(from, to);
  } catch (error) {
    if (await reader.facts(to) === undefined) throw error;
  }
}

/** Sixteen hexadecimal digits that stand for some facts. */
export async function shortDigest(facts: unknown): Promise<string> {
  const bytes = new TextEncoder().encode(JSON.stringify(facts));
  return encodeHex(await sha256(bytes)).slice(0, 16);
}

/** Where flavor keeps what is installed for good: tools. */
export function dataDirectory(
  { env, machine }: Pick<Host, "env" | "machine">,
): string {
  const isWindows = machine.platform.startsWith("windows");
  const named = env.get(isWindows ? "LOCALAPPDATA" : "XDG_DATA_HOME") ?? "";
  if (named !== "") return join(named, "flavor");
  return join(machine.home ?? ".", ".local", "share", "flavor");
}
