import { assertEquals } from "@std/assert";
import { existsSync } from "node:fs";
import {
  assertStarts,
  assertWholeWhereMarked,
  filledTree,
} from "./assert_cache.ts";
import { cacheTree } from "./cache_tree.ts";
import { forEachAtOnce } from "./for_each_at_once.ts";
import { BASE_ENV } from "./run_command.ts";
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
  /** Names of the calls to kill at. Default: all that change the file system. */
  readonly calls?: RegExp;
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
 * After the kill nothing may be marked complete unless it is whole, or as it
 * was before; after the next start the cache must equal one that never saw a
 * kill.
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
  const { pack, env = {}, prepare, calls = /^/, budget } = scenario;
  const command = scenario.command ?? [pack, "argument"];
  const whole = await filledTree(pack, scratch.join("whole"));

  const traced = scratch.join("traced");
  await prepare?.(traced);
  const before = existsSync(traced) ? cacheTree(traced) : [];
  const all = await listCallPoints(command, scratch.join("strace.log"), {
    env: { ...BASE_ENV, ...env, FLAVOR_CACHE: traced },
  });
  const points = all.filter(({ call }) => calls.test(call));

  let killed = 0;
  await forEachAtOnce(choosePoints(points, budget), 2, async (point) => {
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
    assertWholeWhereMarked(cache, [whole, before], where);
    await assertStarts(pack, cache, where);
    assertEquals(cacheTree(cache), whole, where);
    removeTree(cache);
  });
  return { points: points.length, killed };
}

/** All points, or as many as the budget allows, evenly and the same each time. */
export function choosePoints(
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
