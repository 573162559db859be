/** What a program can see of how it was started. */
export interface Description {
  readonly args: readonly string[];
  readonly cwd: string;
  readonly runtime: string;
  readonly env: Readonly<Record<string, string>>;
}

/**
 * Looks around.
 *
 * @returns Arguments, working directory, runtime and environment.
 */
export function describe(): Description {
  return {
    args: Deno.args,
    cwd: Deno.cwd(),
    runtime: `deno ${Deno.version.deno}`,
    // Sorted, so that two starts can be compared.
    env: Object.fromEntries(Object.entries(Deno.env.toObject()).sort()),
  };
}
