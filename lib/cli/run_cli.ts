import { PspfError } from "../errors.ts";
import type { Host } from "../host/types.ts";
import { TOOL_VERSION } from "../pack/tool_version.ts";
import type {
  Command,
  CommandContext,
  CommandLine,
  CommandName,
  RunCommand,
} from "./command_spec.ts";
import { COMMANDS } from "./command_table.ts";
import type { Output, OutputSettings } from "./output.ts";
import { parseCliArgs } from "./parse_args.ts";

/** What the shell is told when all went well. */
const EXIT_OK = 0;

/** The table promises that every entry loads what fits its flags and operands. */
const LOADERS: {
  readonly [N in CommandName]: { readonly load: () => Promise<RunCommand<N>> };
} = COMMANDS;

/**
 * Runs one command line, and gives the exit code: 0 for success, else by the
 * kind of error; that of the application for `run`.
 */
export async function runCli(
  args: readonly string[],
  host: Host,
  output: Output,
): Promise<number> {
  let line: CommandLine;
  try {
    line = parseCliArgs(args, (name) => host.env.get(name));
  } catch (error) {
    const isJson = args.includes("--json");
    const chosen = isJson ? output.configured(JSON_ONLY) : output;
    return await fail(error, chosen, args.includes("--debug"));
  }
  const { command, globals } = line;
  const chosen = output.configured({
    json: globals.json,
    quiet: globals.quiet,
    color: globals.color,
    logLevel: globals["log-level"],
    progress: globals.progress,
  });
  try {
    const entered = await enterDirectory(globals.directory, command, host);
    const code = await runCommand(command, {
      host: await watched(entered, chosen),
      output: chosen,
    });
    chosen.debug(`done, exit code ${code}`);
    return code;
  } catch (error) {
    return await fail(error, chosen, globals.debug);
  }
}

const JSON_ONLY: OutputSettings = {
  json: true,
  quiet: false,
  color: "never",
  logLevel: "error",
  progress: false,
};

async function runCommand(
  command: Command,
  context: CommandContext,
): Promise<number> {
  const { output } = context;
  if (command.kind === "version") {
    // The line is all that most want, and nothing is loaded for it.
    const facts = output.json
      ? (await import("../release/version_facts.ts")).versionFacts(context.host)
      : {};
    output.result(
      { version: TOOL_VERSION, ...facts },
      () => `flavor ${TOOL_VERSION}`,
    );
    return EXIT_OK;
  }
  if (command.kind === "help") {
    const { helpText } = await import("./help_text.ts");
    const help = helpText(command.topic);
    output.result({ help }, () => help);
    return EXIT_OK;
  }
  // What is loaded for a name takes the command of that name.
  const run = await LOADERS[command.kind].load() as RunCommand<CommandName>;
  return await run(command as never, context) ?? EXIT_OK;
}

async function fail(
  error: unknown,
  output: Output,
  debug: boolean,
): Promise<number> {
  const { reportFailure } = await import("./report_failure.ts");
  return reportFailure(error, output, debug);
}

async function watched(host: Host, output: Output): Promise<Host> {
  if (output.logLevel !== "debug" && output.logLevel !== "trace") return host;
  return (await import("./watch_host.ts")).watchHost(host, output);
}

/**
 * Does what `-C` asks for. A directory that is missing is said to be, rather
 * than the first file that a command does not find in it.
 */
async function enterDirectory(
  path: string | undefined,
  { kind }: Command,
  host: Host,
): Promise<Host> {
  if (path === undefined) return host;
  if (kind === "help" || kind === "version" || "anywhere" in COMMANDS[kind]) {
    return host.within(path);
  }
  const facts = await host.reader.facts(path);
  if (facts?.kind === "directory") return host.within(path);
  const [code, says] = facts === undefined
    ? ["io/not-found", "no such directory"] as const
    : ["io/failed", "it is not a directory"] as const;
  throw new PspfError(code, `Cannot work in ${JSON.stringify(path)}: ${says}`, {
    context: { path },
    hint: "Check what is given with -C",
  });
}
