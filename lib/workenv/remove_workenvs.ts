import { encodeHex } from "@std/encoding/hex";
import { join } from "@std/path";

import { isPspfError, PspfError } from "../errors.ts";
import type { WorkenvHost } from "./cache_root.ts";
import {
  isGone,
  listRecords,
  type WorkenvEntry,
  workenvPaths,
} from "./workenvs.ts";

/** Options of {@linkcode cleanWorkenvs}. */
export interface CleanOptions {
  /** Only workenvs filled longer ago than this, in milliseconds. */
  readonly olderThanMs?: number | undefined;
  /** The oldest first, until the rest has at most so many bytes. */
  readonly maxSize?: number | undefined;
  /**
   * Whether to say what would be removed without removing it.
   *
   * @default {false}
   */
  readonly dryRun?: boolean | undefined;
}

/** What {@linkcode cleanWorkenvs} did. */
export interface CleanReport {
  /** Workenvs that are gone, or would be. */
  readonly removed: readonly WorkenvEntry[];
  /** Workenvs that stay because something runs from them. */
  readonly inUse: readonly WorkenvEntry[];
}

const TRASH_REGEXP = /^\.trash-[0-9a-f]{32}-[0-9a-z]+$/;

/**
 * Removes one workenv, unless somebody fills it or runs from it. The completion
 * record goes first, so that a start at any later moment fills it afresh.
 */
export async function removeWorkenv(
  entry: WorkenvEntry,
  host: WorkenvHost,
): Promise<void> {
  const { reader, writer, locks } = host;
  const { root, users } = entry;
  const paths = workenvPaths(root, entry.id);
  if (users.length > 0) {
    const verb = users.length === 1 ? " runs" : "es run";
    throw inUse(entry, `process${verb} from it: ${users.join(", ")}`);
  }
  await writer.makeDirectory(root.locks, 0o700);
  using filling = await locks.tryExclusive(paths.fill);
  if (filling === undefined) throw inUse(entry, "it is being filled");
  using running = await locks.tryExclusive(paths.use);
  if (running === undefined) throw inUse(entry, "a program runs from it");
  if ((await reader.linkFacts(paths.records))?.kind === "directory") {
    await writer.remove(paths.launch);
  }
  if (await reader.linkFacts(paths.content) !== undefined) {
    const mark = encodeHex(host.random.bytes(6));
    const trash = join(root.workenvs, `.trash-${entry.id}-${mark}`);
    await writer.rename(paths.content, trash);
    await writer.remove(trash);
  }
  await writer.remove(paths.records);
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
 * Removes workenvs that nothing runs from: all of them, those of some age, or
 * the oldest until the cache is small enough; and what interrupted removals
 * left behind.
 */
export async function cleanWorkenvs(
  host: WorkenvHost,
  options: CleanOptions = {},
): Promise<CleanReport> {
  const { dryRun = false } = options;
  const { root, entries } = await listRecords(host);
  const present = entries.filter((entry) => !isGone(entry));
  const removed: WorkenvEntry[] = [];
  const inUse: WorkenvEntry[] = [];
  for (const entry of chooseEntries(present, options, host.clock.now())) {
    const isRemoved = dryRun
      ? entry.activity === "none"
      : await tryToRemove(entry, host);
    (isRemoved ? removed : inUse).push(entry);
  }
  if (dryRun) return { removed, inUse };
  for (const entry of entries.filter(isGone)) await tryToRemove(entry, host);
  for (const name of await host.reader.list(root.workenvs)) {
    if (!TRASH_REGEXP.test(name)) continue;
    await host.writer.remove(join(root.workenvs, name));
  }
  return { removed, inUse };
}

async function tryToRemove(
  entry: WorkenvEntry,
  host: WorkenvHost,
): Promise<boolean> {
  try {
    await removeWorkenv(entry, host);
    return true;
  } catch (error) {
    if (!isPspfError(error, "cache/in-use")) throw error;
    return false;
  }
}

/** Oldest first. What only one of the two limits spares is spared. */
function chooseEntries(
  newestFirst: readonly WorkenvEntry[],
  { olderThanMs, maxSize }: CleanOptions,
  nowMs: number,
): readonly WorkenvEntry[] {
  let left = newestFirst.reduce((sum, { size }) => sum + size, 0);
  const chosen: WorkenvEntry[] = [];
  for (const entry of newestFirst.toReversed()) {
    const isOld = olderThanMs === undefined ||
      nowMs - entry.filledAtMs > olderThanMs;
    const isTooMuch = maxSize === undefined || left > maxSize;
    if (!isOld || !isTooMuch) continue;
    left -= entry.size;
    chosen.push(entry);
  }
  return chosen;
}
