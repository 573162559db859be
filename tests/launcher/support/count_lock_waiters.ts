import { readFileSync, statSync } from "node:fs";

/**
 * Counts the processes that wait for a lock on a file.
 *
 * @param path Absolute path of a lock file.
 * @returns How many the kernel lists as blocked.
 */
export function countLockWaiters(path: string): number {
  const { ino } = statSync(path);
  // A blocked request: `1: -> FLOCK  ADVISORY  WRITE 123 08:01:INODE 0 EOF`
  const lines = readFileSync("/proc/locks", "utf8").split("\n");
  return lines.filter((line) =>
    line.includes("->") && line.includes(`:${ino} `)
  ).length;
}
