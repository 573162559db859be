import { join } from "@std/path";
import fs from "node:fs";

/** Far below what any system refuses in a path, even behind a long name. */
const MAX_DEPTH = 1000;

/**
 * Removes a file, or a directory with all of its content. A directory whose
 * mode forbids the removal of its members is opened up first; links are
 * removed and never followed. Nothing there is fine.
 */
export function removeTree(path: string): void {
  const trees = [path];
  // What lies too deep to be named moves up beside the tree, and waits.
  const lift = (deep: string): void => {
    const lifted = `${path}~${trees.length}`;
    fs.chmodSync(deep, 0o700);
    fs.renameSync(deep, lifted);
    trees.push(lifted);
  };
  for (const tree of trees) {
    removeMembers(tree, tree.length + MAX_DEPTH, lift);
  }
}

function removeMembers(
  path: string,
  maxLength: number,
  lift: (path: string) => void,
): void {
  const facts = fs.lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined) return;
  if (!facts.isDirectory()) {
    fs.rmSync(path, { force: true });
  } else if (path.length > maxLength) {
    lift(path);
  } else {
    fs.chmodSync(path, 0o700);
    for (const name of fs.readdirSync(path)) {
      removeMembers(join(path, name), maxLength, lift);
    }
    // Names that are not UTF-8 come out of the listing changed, so what is left
    // is removed without naming it.
    Deno.removeSync(path, { recursive: true });
  }
}
