import { TOOL_VERSION } from "../pack/mod.ts";
import type { Host } from "../host/types.ts";
import type { Command, CommandLine } from "./command.ts";
import type { CommandContext } from "./command_context.ts";
import { runCompletions } from "./commands/completions.ts";
import { runDiff } from "./commands/diff.ts";
import { runExtract } from "./commands/extract.ts";
import { runExtractAll } from "./commands/extract_all.ts";
import { runHelpersBuild } from "./commands/helpers_build.ts";
import { runHelpersClean } from "./commands/helpers_clean.ts";
import { runHelpersInfo } from "./commands/helpers_info.ts";
import { runHelpersList } from "./commands/helpers_list.ts";
import { runHelpersTest } from "./commands/test_helpers.ts";
import { runInit } from "./commands/init.ts";
import { runInspect } from "./commands/inspect.ts";
import { runKeygen } from "./commands/keygen.ts";
import { runPack } from "./commands/pack.ts";
import { runRun } from "./commands/run.ts";
import { runVerify } from "./commands/verify.ts";
import { runWorkenvClean } from "./commands/workenv_clean.ts";
import { runWorkenvInfo } from "./commands/workenv_info.ts";
import { runWorkenvInspect } from "./commands/workenv_inspect.ts";
import { runWorkenvList } from "./commands/workenv_list.ts";
import { runWorkenvRemove } from "./commands/workenv_remove.ts";
import { enterDirectory } from "./enter_directory.ts";
import { helpText } from "./help_text.ts";
import type { Output } from "./output.ts";
import { parseCliArgs } from "./parse_cli_args.ts";
import { reportFailure } from "./report_failure.ts";

/** What the shell is told when all went well. */
const EXIT_OK = 0;

/**
 * Runs one command line.
 *
 * @param args The arguments, without the program.
 * @param host The machine.
 * @param output Where results and errors go.
 * @returns The exit code: 0 for success, else by the kind of error; that of
 *   the application for `run`.
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
    const wantsJson = args.includes("--json");
    return reportFailure(
      error,
      wantsJson ? output.configured(JSON_ONLY) : output,
      args.includes("--debug"),
    );
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
    return await dispatch(command, {
      host: await enterDirectory(globals.directory, command.kind, host),
      output: chosen,
    });
  } catch (error) {
    return reportFailure(error, chosen, globals.debug);
  }
}

const JSON_ONLY = {
  json: true,
  quiet: false,
  color: "never",
  logLevel: "error",
  progress: false,
} as const;

async function dispatch(
  command: Command,
  context: CommandContext,
): Promise<number> {
  switch (command.kind) {
    case "help":
      context.host.terminal.writeOut(helpText(command.topic));
      return EXIT_OK;
    case "version":
      context.output.result(
        { version: TOOL_VERSION },
        () => `flavor ${TOOL_VERSION}`,
      );
      return EXIT_OK;
    case "completions":
      runCompletions(command, context);
      return EXIT_OK;
    case "run":
      return await runRun(command, context);
    case "verify":
      return await runVerify(command, context);
    case "diff":
      return await runDiff(command, context);
    case "helpers test":
      return await runHelpersTest(context);
    default:
      await perform(command, context);
      return EXIT_OK;
  }
}

type Plain = Exclude<
  Command,
  {
    kind:
      | "help"
      | "version"
      | "completions"
      | "run"
      | "verify"
      | "diff"
      | "helpers test";
  }
>;

/** Commands that either succeed or throw. */
function perform(command: Plain, context: CommandContext): Promise<void> {
  switch (command.kind) {
    case "pack":
      return runPack(command, context);
    case "inspect":
      return runInspect(command, context);
    case "extract":
      return runExtract(command, context);
    case "extract-all":
      return runExtractAll(command, context);
    case "keygen":
      return runKeygen(command, context);
    case "helpers list":
      return runHelpersList(context);
    case "helpers info":
      return runHelpersInfo(command, context);
    case "helpers build":
      return runHelpersBuild(command, context);
    case "helpers clean":
      return runHelpersClean(context);
    case "workenv list":
      return runWorkenvList(context);
    case "workenv info":
      return runWorkenvInfo(context);
    case "workenv inspect":
      return runWorkenvInspect(command, context);
    case "workenv remove":
      return runWorkenvRemove(command, context);
    case "workenv clean":
      return runWorkenvClean(command, context);
    case "init":
      return runInit(command, context);
  }
}
