/** Runs a program to its end, gives its output, and fails with what it said. */
export async function runChecked(
  program: string,
  args: readonly string[],
  options: Pick<Deno.CommandOptions, "cwd" | "env"> = {},
): Promise<string> {
  const { code, stdout, stderr } = await new Deno.Command(program, {
    ...options,
    args: [...args],
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  }).output();
  const text = new TextDecoder();
  if (code === 0) return text.decode(stdout);
  throw new Error(
    `${program} ${args.join(" ")} ended with code ${code}:\n${
      text.decode(stdout)
    }${text.decode(stderr)}`,
  );
}
