/**
 * Runs a command that has to succeed, as a shell or a user would.
 *
 * @param command Program and arguments.
 * @param env Variables on top of the inherited ones.
 * @returns What it printed on stdout.
 * @throws {Error} With its messages, when it fails.
 */
export async function runChecked(
  command: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<string> {
  const [program = "", ...args] = command;
  const process = new Deno.Command(program, {
    args: [...args],
    env,
    stdin: "null",
  });
  const { success, code, stdout, stderr } = await process.output();
  const decoder = new TextDecoder();
  if (success) return decoder.decode(stdout);
  throw new Error(
    `${command.join(" ")} failed with ${code}: ${decoder.decode(stderr)}`,
  );
}

/** Quotes a word for `sh -c`. */
export function quote(word: string): string {
  return `'${word.replaceAll("'", `'\\''`)}'`;
}
