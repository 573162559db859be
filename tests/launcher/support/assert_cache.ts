import { assert, assertEquals, assertMatch, equal } from "@std/assert";
import { existsSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { cacheTree, type Tree } from "./cache_tree.ts";
import { identityOf, knownIdentities } from "./launch_record.ts";
import { BASE_ENV, runCommand } from "./run_command.ts";
import { sampleOutput } from "./sample_package.ts";

/** Fills a cache without any disturbance. */
export async function filledTree(pack: string, cache: string): Promise<Tree> {
  await assertStarts(pack, cache, "undisturbed");
  return cacheTree(cache);
}

/** Starts a sample package and checks everything that it says; the next start knows the file. */
export async function assertStarts(
  pack: string,
  cache: string,
  where: string,
): Promise<void> {
  const env = { ...BASE_ENV, FLAVOR_CACHE: cache };
  const run = await runCommand([pack, "argument"], { env });
  assertEquals(
    run,
    { code: 0, stdout: sampleOutput("argument"), stderr: "" },
    where,
  );
  const identity = identityOf(pack);
  const knows = (id: string): boolean =>
    knownIdentities(cache, id).includes(identity);
  assert(markedEntries(cache).some(knows), `${where}: the file is not known`);
}

/**
 * Asserts that entries with a completion record are like those of an
 * undisturbed fill.
 *
 * @param cache Absolute path of a cache.
 * @param trees What is whole: the tree of an undisturbed cache, among others.
 * @param where Goes into the message.
 * @returns Whether there is an entry with a completion record.
 */
export function assertWholeWhereMarked(
  cache: string,
  trees: readonly Tree[],
  where: string,
): boolean {
  const marked = markedEntries(cache);
  for (const id of marked) {
    assertMatch(id, /^[0-9a-f]{32}$/, where);
    const content = `workenv/${id}/`;
    const below = (tree: Tree): Tree =>
      tree.filter((line) => line.startsWith(content));
    const found = below(cacheTree(cache));
    if (trees.some((tree) => equal(found, below(tree)))) continue;
    assertEquals(found, below(trees[0] ?? []), `${where}: marked complete`);
  }
  return marked.length > 0;
}

/** Names of the workenvs that have a completion record. */
export function markedEntries(cache: string): readonly string[] {
  const entries = join(cache, "workenv");
  if (!existsSync(entries)) return [];
  return readdirSync(entries)
    .filter((name) => existsSync(join(entries, name, "launch")))
    .map((name) => name.replace(/^\.(.*)\.pspf$/, "$1"));
}
