import { join } from "@std/path";
import { PspfError } from "../errors.ts";
import { type Platform, platformName } from "../launchers/platform.ts";
import { readElf } from "../preflight/elf.ts";
import { isBaseline } from "../preflight/libraries.ts";
import { fetchPackage, findNpm, type Npm, versionsOf } from "./npm.ts";
import { runTool, type ToolHost } from "./tools.ts";

/** A program that runs JavaScript, ready to be packed. */
export interface ScriptRuntime {
  readonly version: string;
  /** The program. */
  readonly program: string;
  /** Its directory in the registry's package, with headers; absent for a given program. */
  readonly directory: string | undefined;
  /** The package that it came in. */
  readonly packageName: string | undefined;
}

/** What kind of interpreter is wanted. */
export interface ScriptRuntimeRequest {
  /** `node@22`, the path of a program, or nothing. */
  readonly runtime: string | undefined;
  /** A range of versions that the project takes. */
  readonly range: string | undefined;
  readonly target: Platform;
  /** The project, whose settings for npm count. */
  readonly path: string;
  readonly work: string;
  readonly say: (text: string) => void;
}

const NPM_OS = { linux: "linux", darwin: "darwin", windows: "win" } as const;
const NPM_CPU = { amd64: "x64", arm64: "arm64" } as const;
const DENO_PACKAGES: Readonly<Record<string, string>> = {
  linux_amd64: "@deno/linux-x64-glibc",
  linux_arm64: "@deno/linux-arm64-glibc",
  darwin_amd64: "@deno/darwin-x64",
  darwin_arm64: "@deno/darwin-arm64",
  windows_amd64: "@deno/win32-x64",
  windows_arm64: "@deno/win32-arm64",
};

/** Finds Node.js for a target: that of the npm registry, or a program of the user's. */
export async function prepareNode(
  request: ScriptRuntimeRequest,
  host: ToolHost,
): Promise<ScriptRuntime> {
  const { runtime = "", range, target, path } = request;
  const wanted = /^node@(.+)$/.exec(runtime)?.[1];
  if (runtime !== "" && wanted === undefined) {
    return await givenProgram(runtime, "node", host);
  }
  const npm = await findNpm(path, "fetch Node.js", host);
  const name = `node-${NPM_OS[target.os]}-${NPM_CPU[target.arch]}`;
  const asked = wanted ?? range ?? "*";
  const versions = await versionsOf(name, asked, npm);
  // Odd versions are never supported for long, so they must be asked for.
  const version = versions.findLast((one) => parseInt(one) % 2 === 0) ??
    versions.at(-1);
  return await fetched(name, asked, version, npm, request, host, [
    "bin/node",
    "bin/node.exe",
    "node.exe",
  ]);
}

/** Finds Deno for a target: that of the npm registry, or a program of the user's. */
export async function prepareDeno(
  request: ScriptRuntimeRequest,
  host: ToolHost,
): Promise<ScriptRuntime> {
  const { runtime = "", range, target, path } = request;
  const wanted = /^deno@(.+)$/.exec(runtime)?.[1];
  if (runtime !== "" && wanted === undefined) {
    return await givenProgram(runtime, "deno", host);
  }
  const npm = await findNpm(path, "fetch Deno", host);
  const name = DENO_PACKAGES[platformName(target)] ?? "";
  const asked = wanted ?? range ?? "2";
  const version = (await versionsOf(name, asked, npm)).at(-1);
  return await fetched(name, asked, version, npm, request, host, [
    "deno",
    "deno.exe",
    "bin/deno",
  ]);
}

async function fetched(
  name: string,
  asked: string,
  version: string | undefined,
  npm: Npm,
  { work, say }: ScriptRuntimeRequest,
  host: ToolHost,
  places: readonly string[],
): Promise<ScriptRuntime> {
  if (version === undefined) {
    throw new PspfError(
      "build/failed",
      `The npm registry has no ${name} that fits "${asked}"`,
      {
        context: { package: name, wanted: asked },
        hint: "Name another version with --runtime, such as --runtime node@22",
      },
    );
  }
  const directory = await fetchPackage(name, version, { work, npm, say }, host);
  for (const place of places) {
    const program = join(directory, place);
    if (await host.reader.facts(program) === undefined) continue;
    return { version, program, directory, packageName: name };
  }
  throw new PspfError("build/failed", `The package ${name} holds no program`, {
    context: { package: name, version },
  });
}

/** A program of the user's: refused where it needs libraries that only this machine has. */
async function givenProgram(
  path: string,
  name: string,
  host: ToolHost,
): Promise<ScriptRuntime> {
  const program = host.reader.absolute(path);
  await using source = await host.reader.openSource(program);
  const elf = await readElf(source);
  const own = (elf?.needed ?? []).filter((library) => !isBaseline(library));
  if (own.length > 0) {
    throw new PspfError(
      "build/failed",
      `"${program}" cannot be packed: it needs ${
        own.join(", ")
      }, which belong to this machine's distribution`,
      {
        context: { path: program, needs: own },
        hint:
          `Leave out --runtime, or name a version of the npm registry: --runtime ${name}@VERSION`,
      },
    );
  }
  const said = await runTool(`ask ${name} for its version`, {
    program,
    args: ["--version"],
  }, host);
  const version = /\d+\.\d+\.\d+/.exec(said)?.[0];
  if (version === undefined) {
    throw new PspfError(
      "build/failed",
      `"${program}" does not print a version as ${name} does`,
      { context: { path: program, said } },
    );
  }
  return { version, program, directory: undefined, packageName: undefined };
}
