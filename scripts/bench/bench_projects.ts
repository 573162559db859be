import { cpSync } from "node:fs";
import { join } from "node:path";
import type { BenchContext } from "./bench_context.ts";
import { workenvOf } from "./bench_warm.ts";
import type { BenchRow } from "./bench_row.ts";
import { runChecked } from "./run_checked.ts";
import { fastest, measureCommands } from "./spawner.ts";

/** Other programs get in the way of starts of a tenth of a second: the fastest counts. */
const STARTS = 40;

/** Variables that a package sets for its interpreter. */
const PYTHON_ENV = ["PYTHONNOUSERSITE=1", "PYTHONDONTWRITEBYTECODE=1"] as const;

/**
 * Measures the start of packed projects against the same interpreter with the
 * same files, bare.
 *
 * @param context Where to work.
 * @returns The rows.
 */
export async function benchProjects(
  context: BenchContext,
): Promise<readonly BenchRow[]> {
  const prefix = await runChecked([
    "python3",
    "-c",
    "import sys; print(sys.base_prefix)",
  ]);
  return [
    await measureProject("flask-app", "a packed Flask application", [
      "--runtime",
      prefix.trim(),
    ], context),
    await measureProject(
      "express-app",
      "a packed Express application",
      [],
      context,
    ),
  ];
}

async function measureProject(
  example: string,
  what: string,
  args: readonly string[],
  context: BenchContext,
): Promise<BenchRow> {
  const directory = context.path(example);
  cpSync(join(context.root, "examples", example), directory, {
    recursive: true,
  });
  const pack = join(directory, "application");
  await runChecked(
    // deno-fmt-ignore
    context.flavor("pack", directory, "--output", pack, "--key-seed", "bench", "--quiet", ...args),
    // What was downloaded for the tests of projects is used here, too.
    {
      FLAVOR_CACHE: join(context.root, ".dev", "projects", "flavor"),
      XDG_DATA_HOME: join(context.root, ".dev", "projects", "data"),
    },
  );
  const cache = context.path(`${example}-cache`);
  await runChecked([pack], { FLAVOR_CACHE: cache });
  const inspected = context.flavor("inspect", pack, "--json");
  const { execution } = JSON.parse(await runChecked(inspected)) as {
    readonly execution: { readonly argv: readonly string[] };
  };
  const workenv = workenvOf(cache);
  const bare = execution.argv.map((word) =>
    word.replaceAll("{workenv}", workenv)
  );
  const commands = [[...PYTHON_ENV, ...bare], [`FLAVOR_CACHE=${cache}`, pack]];
  await measureCommands(context, 3, commands);
  const [alone, packed] = await measureCommands(context, STARTS, commands);
  return {
    what: `warm start of ${what}`,
    unit: "ms",
    ours: fastest(packed),
    other: { name: "the same files, bare", value: fastest(alone) },
    bar: { of: "ratio", limit: 1.05, kind: "at most" },
    note: `the fastest of ${STARTS} starts each, taken in turn`,
  };
}
