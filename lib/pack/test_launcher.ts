import { join } from "@std/path";
import { keyPairFromSeed } from "../crypto/ed25519.ts";
import { PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import { BytesSource } from "../io/bytes_source.ts";
import type { Helper } from "../launchers/helpers.ts";
import { platformName } from "../launchers/platform.ts";
import { readableOutput } from "../launchers/readable_output.ts";
import { parseManifest } from "../manifest/parse_manifest.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { writePackage } from "./build_package.ts";
import { packToFile } from "./pack_to_file.ts";
import type { SourceOpener } from "./slot_source.ts";

type TestHost = Pick<Host, "reader" | "writer" | "processes" | "clock">;

const TIMEOUT_MS = 60_000;
const ARGUMENTS = ["one", "two words"] as const;
const EXIT_CODE = 7;
const EXPECTED = `flavor:${ARGUMENTS.join("|")}`;

/** What the package consists of, by the system that it runs on. */
const PROGRAMS = {
  unix: {
    name: "answer.sh",
    command: "sh {workenv}/answer.sh",
    text: `printf 'flavor:%s|%s' "$@"\nexit ${EXIT_CODE}\n`,
  },
  windows: {
    name: "answer.cmd",
    command: "cmd /d /c {workenv}\\answer.cmd",
    text: `@<nul set /p ="flavor:%~1|%~2"\r\n@exit /b ${EXIT_CODE}\r\n`,
  },
} as const;

/**
 * Packs a tiny application with a launcher and starts it twice, once into an
 * empty cache and once out of the filled one: its arguments have to arrive, and
 * its output and its exit code have to come back.
 */
export async function testLauncher(
  helper: Helper,
  host: TestHost,
): Promise<{ readonly first: number; readonly second: number }> {
  const { writer, clock } = host;
  const directory = await writer.makeTemporaryDirectory("flavor-test-");
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => writer.remove(directory));
  const program = await packAnswer(helper, directory, host);
  const start = async (): Promise<number> => {
    const started = clock.monotonic();
    await checkAnswer(helper, program, directory, host);
    return clock.monotonic() - started;
  };
  return { first: await start(), second: await start() };
}

/**
 * Has a builder build the same package, which has to verify. The builder itself
 * stands at its front, as nobody starts it. Gives the milliseconds.
 */
export async function testBuilder(
  helper: Helper,
  host: Host,
): Promise<number> {
  const { writer, clock } = host;
  const directory = await writer.makeTemporaryDirectory("flavor-test-");
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => writer.remove(directory));
  const { plan, openSource } = answer(helper);
  const started = clock.monotonic();
  await packToFile(
    {
      plan,
      openSource,
      output: join(directory, "answer"),
      inputs: [],
      builder: {
        program: helper.path,
        logLevel: "error",
        processes: host.processes,
        onSaid: () => {},
      },
    },
    { launcher: helper.path, key: { seed: "helpers test" } },
    host,
  );
  return clock.monotonic() - started;
}

function answer(
  { platform }: Helper,
): { readonly plan: BuildPlan; readonly openSource: SourceOpener } {
  const { name, command, text } =
    PROGRAMS[platform.os === "windows" ? "windows" : "unix"];
  const script = new TextEncoder().encode(text);
  return {
    plan: parseManifest(
      JSON.stringify({
        package: { name: "flavor-test", version: "1" },
        execution: { command },
        slots: [{ id: name, source: name, target: name, permissions: "0755" }],
      }),
      { format: "json" },
    ),
    openSource: () =>
      Promise.resolve({
        kind: "file",
        mode: 0o755,
        open: () => Promise.resolve(new BytesSource(script)),
      }),
  };
}

async function packAnswer(
  helper: Helper,
  directory: string,
  { reader, writer }: TestHost,
): Promise<string> {
  const { path, platform } = helper;
  const isWindows = platform.os === "windows";
  const { plan, openSource } = answer(helper);
  const file = join(directory, isWindows ? "answer.exe" : "answer");
  await using launcher = await reader.openSource(path);
  await using sink = await writer.createSink(file, { mode: 0o755 });
  await writePackage(plan, sink, {
    launcher,
    keyPair: await keyPairFromSeed("helpers test"),
    openSource,
    target: platform,
  });
  await sink.commit();
  return file;
}

async function checkAnswer(
  helper: Helper,
  program: string,
  directory: string,
  { processes }: TestHost,
): Promise<void> {
  const cache = join(directory, "cache");
  const { code, stdout, stderr } = await processes.capture({
    program,
    args: ARGUMENTS,
    cwd: directory,
    env: {
      // The existing Go launcher knows only the second.
      FLAVOR_CACHE: cache,
      XDG_CACHE_HOME: cache,
      // What the user has set for packages of their own must not decide here.
      FLAVOR_LAUNCHER_CLI: "",
      FLAVOR_TRUSTED_KEYS: "",
      FLAVOR_VALIDATION: "",
      FLAVOR_EXEC_MODE: "",
    },
  }, TIMEOUT_MS);
  const answer = readableOutput(stdout);
  if (code === EXIT_CODE && answer === EXPECTED) return;
  const said = readableOutput(stderr);
  throw new PspfError(
    "launcher/failed",
    `A package with ${helper.name} printed ${
      JSON.stringify(answer)
    } and ended with code ${code}, expected ${
      JSON.stringify(EXPECTED)
    } and ${EXIT_CODE}${said === "" ? "" : `; it said: ${said}`}`,
    {
      context: {
        path: helper.path,
        platform: platformName(helper.platform),
        code,
        stdout: answer,
        stderr: said,
      },
      hint: "Build the launcher again, or use another one",
    },
  );
}
