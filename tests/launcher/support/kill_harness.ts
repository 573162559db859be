import { assertEquals, assertMatch } from "@std/assert";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheTree, type Tree } from "./cache_tree.ts";
import { forEachAtOnce } from "./for_each_at_once.ts";
import { BASE_ENV, runCommand } from "./run_command.ts";
import { sampleOutput } from "./sample_package.ts";
import { removeTree, type Scratch } from "./scratch.ts";
import { type CallPoint, listCallPoints, runInjected } from "./strace.ts";

/** What is killed, and from which state. */
export interface KillScenario {
  /** Absolute path of a sample package. */
  readonly pack: string;
  /** The command that is killed. Default: the package with one argument. */
  readonly command?: readonly string[];
  /** Environment of that command beside the cache. */
  readonly env?: Readonly<Record<string, string>>;
  /** Brings a new cache into the state that the command starts from. */
  readonly prepare?: (cache: string) => void | Promise<void>;
  /** How many points to try where there are more; `FLAVOR_TEST_ALL=1` tries all. */
  readonly budget: number;
}

/** What a scenario has covered. */
export interface KillReport {
  /** Points that exist. */
  readonly points: number;
  /** Runs that ended by SIGKILL. */
  readonly killed: number;
}

/**
 * Kills a command at every point where it changes the file system, and starts
 * the package again after each.
 *
 * After the kill nothing may be marked complete unless it is whole; after the
 * next start the cache must equal one that never saw a kill.
 *
 * @param scratch Where the caches go.
 * @param scenario What to kill.
 * @returns How many points there are and how many were hit.
 * @throws {AssertionError} Naming the point.
 */
export async function surviveKills(
  scratch: Scratch,
  scenario: KillScenario,
): Promise<KillReport> {
  const { pack, env = {}, prepare, budget } = scenario;
  const command = scenario.command ?? [pack, "argument"];
  const whole = await filledTree(pack, scratch.join("whole"));

  const traced = scratch.join("traced");
  await prepare?.(traced);
  const points = await listCallPoints(command, scratch.join("strace.log"), {
    env: { ...BASE_ENV, ...env, FLAVOR_CACHE: traced },
  });

  let killed = 0;
  await forEachAtOnce(choose(points, budget), 2, async (point) => {
    const cache = scratch.join(`${point.call}-${point.nth}`);
    await prepare?.(cache);
    const run = await runInjected(
      command,
      { ...point, effect: "signal=KILL" },
      {
        env: { ...BASE_ENV, ...env, FLAVOR_CACHE: cache },
      },
    );
    if (run.code === 137) killed++;
    const where = `killed at ${point.call} number ${point.nth}`;
    assertWholeWhereMarked(cache, whole, where);
    await assertStarts(pack, cache, where);
    assertEquals(cacheTree(cache), whole, where);
    removeTree(cache);
  });
  return { points: points.length, killed };
}

/** Fills a cache without any disturbance. */
export async function filledTree(pack: string, cache: string): Promise<Tree> {
  await assertStarts(pack, cache, "undisturbed");
  return cacheTree(cache);
}

/** Starts a sample package and checks everything that it says. */
export async function assertStarts(
  pack: string,
  cache: string,
  where: string,
): Promise<void> {
  const env = { ...BASE_ENV, FLAVOR_CACHE: cache };
  const { code, stdout, stderr } = await runCommand([pack, "argument"], {
    env,
  });
  assertEquals({ code, stdout, stderr }, {
    code: 0,
    stdout: sampleOutput("argument"),
    stderr: "",
  }, where);
}

/** Entries with a completion record must be like those of an undisturbed fill. */
function assertWholeWhereMarked(
  cache: string,
  whole: Tree,
  where: string,
): void {
  const entries = join(cache, "workenv");
  if (!existsSync(entries)) return;
  for (const name of readdirSync(entries)) {
    if (!name.startsWith(".") || !existsSync(join(entries, name, "launch"))) {
      continue;
    }
    assertMatch(name, /^\.[0-9a-f]{32}\.pspf$/, where);
    const content = `workenv/${name.slice(1, -".pspf".length)}/`;
    const below = (tree: Tree): Tree =>
      tree.filter((line) => line.startsWith(content));
    assertEquals(
      below(cacheTree(cache)),
      below(whole),
      `${where}: marked complete`,
    );
  }
}

/** All points, or as many as the budget allows, evenly and the same each time. */
function choose(
  points: readonly CallPoint[],
  budget: number,
): readonly CallPoint[] {
  if (Deno.env.get("FLAVOR_TEST_ALL") === "1" || points.length <= budget) {
    return points;
  }
  return Array.from(
    { length: budget },
    (_, index) => points[Math.floor(index * points.length / budget)],
  ).filter((point) => point !== undefined);
}
