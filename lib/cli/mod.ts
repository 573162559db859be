/**
 * The command line: arguments to a command, a command to an exit code.
 *
 * @module
 */
export { COMMANDS, GLOBAL_FLAGS, GROUPS } from "./command_table.ts";
export {
  createConsoleOutput,
  type Output,
  type OutputSettings,
} from "./output.ts";
export { parseCliArgs } from "./parse_args.ts";
export { runCli } from "./run_cli.ts";
