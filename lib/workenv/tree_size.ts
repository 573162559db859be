import { join } from "@std/path";

import type { FileReader } from "../host/types.ts";

/**
 * Adds up the files below a directory; links count as nothing and are not
 * followed.
 *
 * @param path A directory.
 * @param reader Lists it.
 * @returns The size in bytes; 0 when nothing is there.
 * @throws {PspfError} `io/denied`
 */
export async function treeSize(
  path: string,
  reader: Pick<FileReader, "list" | "linkFacts">,
): Promise<number> {
  let size = 0;
  const pending = [path];
  for (let next = pending.pop(); next !== undefined; next = pending.pop()) {
    const facts = await reader.linkFacts(next);
    if (facts?.kind === "file") size += facts.size;
    if (facts?.kind !== "directory") continue;
    for (const name of await reader.list(next)) pending.push(join(next, name));
  }
  return size;
}
