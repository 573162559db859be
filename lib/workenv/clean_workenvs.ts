import { isPspfError } from "../errors.ts";
import { listWorkenvs } from "./list_workenvs.ts";
import { emptyTrash, removeWorkenv } from "./remove_workenv.ts";
import type { WorkenvEntry } from "./workenv_entry.ts";
import type { WorkenvHost } from "./workenv_host.ts";

/** Options of {@linkcode cleanWorkenvs}. */
export interface CleanOptions {
  /** Only workenvs filled longer ago than this, in milliseconds. */
  readonly olderThanMs?: number;
  /** The oldest first, until the rest has at most so many bytes. */
  readonly maxSize?: number;
  /**
   * Whether to say what would be removed without removing it.
   *
   * @default {false}
   */
  readonly dryRun?: boolean;
}

/** What {@linkcode cleanWorkenvs} did. */
export interface CleanReport {
  /** Workenvs that are gone, or would be. */
  readonly removed: readonly WorkenvEntry[];
  /** Workenvs that stay because something runs from them. */
  readonly inUse: readonly WorkenvEntry[];
}

/**
 * Removes workenvs that nothing runs from: all of them, those of some age, or
 * the oldest until the cache is small enough.
 *
 * @param host Files, locks and processes.
 * @param options Which.
 * @returns What was done.
 * @throws {PspfError} `cache/unavailable`, `cache/insecure`, `io/denied`
 */
export async function cleanWorkenvs(
  host: WorkenvHost,
  options: CleanOptions = {},
): Promise<CleanReport> {
  const { dryRun = false } = options;
  const { root, entries } = await listWorkenvs(host);
  const removed: WorkenvEntry[] = [];
  const inUse: WorkenvEntry[] = [];
  for (const entry of chooseEntries(entries, options, host.clock.now())) {
    if (dryRun) {
      (entry.activity === "none" ? removed : inUse).push(entry);
      continue;
    }
    try {
      await removeWorkenv(root, entry, host);
      removed.push(entry);
    } catch (error) {
      if (!isPspfError(error, "cache/in-use")) throw error;
      inUse.push(entry);
    }
  }
  if (!dryRun) await emptyTrash(root, host);
  return { removed, inUse };
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
