/**
 * The command line: arguments to a command, a command to an exit code.
 *
 * @module
 */
export { createConsoleOutput } from "./console_output.ts";
export type { Command, CommandLine } from "./command.ts";
export { COMMANDS, GLOBAL_FLAGS } from "./flag_table.ts";
export { helpText } from "./help_text.ts";
export type { Output, OutputSettings } from "./output.ts";
export { parseCliArgs } from "./parse_cli_args.ts";
export { runCli } from "./run_cli.ts";
export { TOOL_VERSION as VERSION } from "../pack/tool_version.ts";
