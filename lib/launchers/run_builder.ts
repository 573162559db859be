import { PspfError } from "../errors.ts";
import type { FileReader, Machine, ProcessRunner } from "../host/types.ts";
import { detectPlatforms, EXECUTABLE_HEAD_SIZE } from "./executable_format.ts";
import { platformName } from "./platform.ts";
import { readableOutput } from "./readable_output.ts";

/** One run of a native builder; all paths are absolute. */
export interface BuilderRun {
  /** The builder. */
  readonly program: string;
  /** The manifest. */
  readonly manifest: string;
  /** The package to write. */
  readonly output: string;
  /** The launcher to put at its front. */
  readonly launcher: string;
  /** The private key. */
  readonly privateKey: string;
  /** The public key. */
  readonly publicKey: string;
  /** How much it says. */
  readonly logLevel: string;
  /** Its working directory. */
  readonly directory: string;
  /** Time of the build, in seconds since 1970. */
  readonly sourceDateEpoch: number;
}

/** The parts of a host that {@linkcode runBuilder} uses. */
export interface BuilderRunHost {
  /** Looks at the builder. */
  readonly reader: FileReader;
  /** Runs it. */
  readonly processes: ProcessRunner;
  /** Where it has to run. */
  readonly machine: Pick<Machine, "platform">;
}

/** Nothing that takes longer is a build. */
const TIMEOUT_MS = 6 * 60 * 60 * 1000;

/**
 * Runs a native builder with the command line that all of them share.
 *
 * @param run The builder and its files.
 * @param host Runs it.
 * @returns What it said on standard error, made fit for a terminal.
 * @throws {PspfError} `launcher/failed` with what it said,
 * `launcher/wrong-format`, `run/cannot-execute`, `io/not-found`
 */
export async function runBuilder(
  run: BuilderRun,
  host: BuilderRunHost,
): Promise<string> {
  await checkRunsHere(run.program, host);
  const { code, stderr } = await host.processes.capture({
    program: run.program,
    args: [
      "--manifest",
      run.manifest,
      "--output",
      run.output,
      "--launcher-bin",
      run.launcher,
      "--private-key",
      run.privateKey,
      // Not every builder derives it.
      "--public-key",
      run.publicKey,
      "--log-level",
      run.logLevel,
    ],
    cwd: run.directory,
    env: {
      FLAVOR_WORKENV_BASE: run.directory,
      SOURCE_DATE_EPOCH: String(run.sourceDateEpoch),
    },
  }, TIMEOUT_MS);
  const said = readableOutput(stderr);
  if (code === 0 && await host.reader.facts(run.output) !== undefined) {
    return said;
  }
  const what = code === 0
    ? "ended well and wrote nothing"
    : `ended with code ${code}`;
  throw new PspfError(
    "launcher/failed",
    `The builder "${run.program}" ${what}${
      said === "" ? "" : `; it said:\n${said}`
    }`,
    {
      context: { program: run.program, code, stderr: said },
      hint: "Leave --builder-bin out to build with this program itself",
    },
  );
}

/** A script is for whatever its first line names; a program has to fit. */
async function checkRunsHere(
  path: string,
  { reader, machine }: BuilderRunHost,
): Promise<void> {
  await using source = await reader.openSource(path);
  const head = await source.read(
    0,
    Math.min(source.size, EXECUTABLE_HEAD_SIZE),
  );
  const names = detectPlatforms(head).map(platformName);
  if (names.length === 0 || names.includes(machine.platform)) return;
  throw new PspfError(
    "launcher/wrong-format",
    `The builder "${path}" is a program for ${
      names.join(" and ")
    }, and this machine is ${machine.platform}`,
    {
      context: { path, expected: machine.platform, actual: names },
      hint:
        "Choose the builder for this machine; --target is what it packs for",
    },
  );
}
