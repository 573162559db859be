import { join } from "@std/path";
import { isPspfError, PspfError } from "../errors.ts";
import type { RunRequest } from "../host/types.ts";
import {
  dataDirectory,
  findProgram,
  keepInCache,
  runTool,
  type ToolHost,
} from "./tools.ts";

/** Says how uv is called here; every call of it goes through this. */
export interface Uv {
  readonly program: string;
  /** Runs it and gives what it printed. */
  run(
    what: string,
    args: readonly string[],
    more?: Pick<RunRequest, "cwd" | "env">,
  ): Promise<string>;
}

/** What pip gets: the version that this was tried with, or a later one. */
const REQUIREMENT = "uv>=0.8,<1";

/** Finds uv on PATH, else in flavor's data directory, else installs it there with pip. */
export async function findUv(
  host: ToolHost,
  say: (text: string) => void,
): Promise<Uv> {
  const program = await findProgram("uv", host) ?? await ownUv(host, say);
  return {
    program,
    run: (what, args, more) =>
      runTool(what, {
        program,
        args: ["--no-progress", "--color", "never", ...args],
        ...more,
      }, host),
  };
}

async function ownUv(
  host: ToolHost,
  say: (text: string) => void,
): Promise<string> {
  const directory = join(dataDirectory(host), "uv");
  const isWindows = host.machine.platform.startsWith("windows");
  const program = join(directory, "bin", isWindows ? "uv.exe" : "uv");
  if (await host.reader.facts(program) !== undefined) return program;
  const python = await findProgram("python3", host) ??
    await findProgram("python", host);
  if (python === undefined) throw noUv("neither uv nor Python is on PATH");
  say(`installing uv with pip into ${directory}`);
  await host.writer.makeDirectory(dataDirectory(host), 0o755);
  // Another flavor may be doing the same.
  const draft = await host.writer.makeTemporaryDirectory(`${directory}-`);
  try {
    // deno-fmt-ignore
    await runTool("install uv", {
      program: python,
      args: ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-input",
        "--only-binary", ":all:", "--target", draft, REQUIREMENT],
    }, host);
    await keepInCache(draft, directory, host);
  } catch (error) {
    if (!isPspfError(error)) throw error;
    throw noUv(error.message);
  } finally {
    await host.writer.remove(draft);
  }
  return program;
}

function noUv(reason: string): PspfError {
  return new PspfError(
    "build/failed",
    `Packing a Python project needs uv, which was not found: ${reason}`,
    {
      context: { program: "uv" },
      hint:
        'Install it, for example with "pipx install uv" or "pip install uv", so that uv is on PATH',
    },
  );
}
