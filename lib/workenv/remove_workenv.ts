import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";

import { PspfError } from "../errors.ts";
import type { CacheRoot } from "./cache_root.ts";
import { type WorkenvEntry, workenvPaths } from "./workenv_entry.ts";
import type { WorkenvHost } from "./workenv_host.ts";

const TRASH_REGEXP = /^\.trash-[0-9a-f]{32}-[0-9a-z]+$/;

/**
 * Removes one workenv, unless somebody fills it or runs from it. The completion
 * record goes first, so that a start at any later moment fills it afresh.
 *
 * @param root The cache.
 * @param entry The workenv.
 * @param host Files and locks.
 * @throws {PspfError} `cache/in-use`, `io/denied`
 */
export async function removeWorkenv(
  root: CacheRoot,
  entry: WorkenvEntry,
  host: WorkenvHost,
): Promise<void> {
  const paths = workenvPaths(root, entry.id);
  if (entry.users.length > 0) {
    throw inUse(entry, `process ${entry.users.join(", ")} runs from it`);
  }
  await host.writer.makeDirectory(root.locks, 0o700);
  using filling = await host.locks.tryExclusive(paths.fill);
  if (filling === undefined) throw inUse(entry, "it is being filled");
  using running = await host.locks.tryExclusive(paths.use);
  if (running === undefined) throw inUse(entry, "a program runs from it");
  if ((await host.reader.linkFacts(paths.records))?.kind === "directory") {
    await host.writer.remove(paths.launch);
  }
  if (await host.reader.linkFacts(paths.content) !== undefined) {
    const mark = encodeHex(host.random.bytes(6));
    const trash = join(root.workenvs, `.trash-${entry.id}-${mark}`);
    await host.writer.rename(paths.content, trash);
    await host.writer.remove(trash);
  }
  await host.writer.remove(paths.records);
}

function inUse(entry: WorkenvEntry, says: string): PspfError {
  return new PspfError(
    "cache/in-use",
    `Cannot remove the workenv "${entry.id}": ${says}`,
    {
      context: { id: entry.id, processes: entry.users },
      hint: "Try again when the program has ended",
    },
  );
}

/**
 * Removes what interrupted removals left behind.
 *
 * @param root The cache.
 * @param host Files.
 * @throws {PspfError} `io/denied`
 */
export async function emptyTrash(
  root: CacheRoot,
  host: WorkenvHost,
): Promise<void> {
  for (const name of await host.reader.list(root.workenvs)) {
    if (TRASH_REGEXP.test(name)) {
      await host.writer.remove(join(root.workenvs, name));
    }
  }
}
