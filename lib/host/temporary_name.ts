import { basename, dirname, join } from "@std/path";

const SUFFIX = ".flavor-tmp";

function prefixFor(target: string): string {
  // Names may have 255 bytes; a character has at most four.
  return `.${basename(target).slice(0, 48)}.`;
}

/**
 * Names an unfinished file or directory: beside its target, so that a rename
 * suffices, hidden, and recognisable.
 *
 * @param target The final path.
 * @returns A path that nobody uses.
 */
export function temporaryPathFor(target: string): string {
  const random = crypto.randomUUID().slice(0, 13);
  return join(dirname(target), `${prefixFor(target)}${random}${SUFFIX}`);
}

/**
 * Whether a name is one that {@linkcode temporaryPathFor} made for a target.
 *
 * @param name A name in the target's directory.
 * @param target The final path.
 * @returns `true` for an unfinished file or directory of that target.
 */
export function isTemporaryNameFor(name: string, target: string): boolean {
  const prefix = prefixFor(target);
  return name.startsWith(prefix) && name.endsWith(SUFFIX) &&
    /^[0-9a-f]{8}-[0-9a-f]{4}$/.test(name.slice(prefix.length, -SUFFIX.length));
}
