import { fromFileUrl, join } from "@std/path";

const ROOT = fromFileUrl(new URL("../../..", import.meta.url));

/** How a program ended, and what it printed. */
export interface Outcome {
  readonly code: number;
  readonly signal: string | null;
  readonly stdout: string;
  readonly stderr: string;
  readonly bytes: Uint8Array;
}

/** How a program is started. */
export interface RunOptions {
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  readonly stdin?: Uint8Array;
}

/** Runs a program to its end. */
export async function run(
  program: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const { env, cwd, stdin } = options;
  const child = new Deno.Command(program, {
    args: [...args],
    ...(env === undefined ? {} : { env: { ...env } }),
    ...(cwd === undefined ? {} : { cwd }),
    stdin: stdin === undefined ? "null" : "piped",
    stdout: "piped",
    stderr: "piped",
  }).spawn();
  const fed = stdin === undefined
    ? Promise.resolve()
    : ReadableStream.from([stdin]).pipeTo(child.stdin);
  const [output] = await Promise.all([child.output(), fed]);
  const decoder = new TextDecoder();
  return {
    code: output.code,
    signal: output.signal,
    stdout: decoder.decode(output.stdout),
    stderr: decoder.decode(output.stderr),
    bytes: output.stdout,
  };
}

/** The words that start `flavor` from this checkout. */
export function flavorCommand(
  args: readonly string[],
): readonly [program: string, args: readonly string[]] {
  return [Deno.execPath(), [
    "run",
    "--quiet",
    "--allow-all",
    "--config",
    join(ROOT, "deno.json"),
    join(ROOT, "cli.ts"),
    ...args,
  ]];
}

/** Runs `flavor` as a process of its own. */
export async function flavor(
  args: readonly string[],
  options: RunOptions = {},
): Promise<Outcome> {
  const [program, words] = flavorCommand(args);
  return await run(program, words, options);
}
