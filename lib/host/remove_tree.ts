import { join } from "@std/path";
import fs from "node:fs";

/**
 * Removes a file, or a directory with all of its content. A directory whose
 * mode forbids the removal of its members is opened up first; links are
 * removed and never followed.
 *
 * @param path What to remove; nothing there is fine.
 */
export function removeTree(path: string): void {
  const facts = fs.lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return;
  if (facts.isDirectory()) {
    fs.chmodSync(path, 0o700);
    for (const name of fs.readdirSync(path)) removeTree(join(path, name));
    // Names that are not UTF-8 come out of the listing changed, so what is left
    // is removed without naming it.
    Deno.removeSync(path, { recursive: true });
  } else {
    fs.rmSync(path, { force: true });
  }
}
