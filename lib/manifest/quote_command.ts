/**
 * Writes arguments as one command line that a shell-like split takes apart
 * again.
 *
 * @param argv The arguments.
 * @returns The command line.
 */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map(quoteArgument).join(" ");
}

function quoteArgument(argument: string): string {
  if (/^[^\s"'\\|&;<>()$`*?[\]#~!]+$/.test(argument)) return argument;
  return `'${argument.replaceAll("'", `'\\''`)}'`;
}
