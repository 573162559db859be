import { dirname, join } from "@std/path";
import fs from "node:fs";

import { isTemporaryNameFor } from "./temporary_name.ts";

/**
 * Removes what a killed process left beside a target. A living one holds a lock
 * on its unfinished file, and that lock dies with it, so there is no guessing.
 *
 * @param target The final path.
 */
export function sweepLeftovers(target: string): void {
  const directory = dirname(target);
  let names: string[];
  try {
    names = fs.readdirSync(directory);
  } catch {
    return;
  }
  for (const name of names) {
    if (isTemporaryNameFor(name, target)) sweep(join(directory, name));
  }
}

function sweep(path: string): void {
  try {
    const facts = fs.lstatSync(path);
    if (!facts.isFile() && !facts.isDirectory()) return;
    using file = Deno.openSync(path, { read: true });
    if (file.tryLockSync(true)) {
      fs.rmSync(path, { recursive: true, force: true });
    }
  } catch {
    // Whatever it is, it is not in our way: its name is never used again.
  }
}
