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
    fs.rmdirSync(path);
  } else {
    fs.rmSync(path, { force: true });
  }
}
