/** Writes words as one command line that a shell-like split takes apart again. */
export function quoteCommand(argv: readonly string[]): string {
  return argv.map((word) =>
    /^[^\s"'\\|&;<>()$`*?[\]#~!]+$/.test(word)
      ? word
      : `'${word.replaceAll("'", `'\\''`)}'`
  ).join(" ");
}
