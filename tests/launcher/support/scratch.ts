import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** The user that stands for everybody who is not root, where the tests run as root. */
const NOBODY = 65_534;

/** Whether the tests run as root, for whom permission bits mean nothing. */
export const IS_ROOT: boolean = Deno.uid() === 0;

/** An ordinary user: nobody when the tests run as root, else whoever runs them. */
export const ORDINARY: { readonly uid?: number } = IS_ROOT
  ? { uid: NOBODY }
  : {};

/** A temporary directory that disappears with its scope, whatever its permissions became. */
export class Scratch implements Disposable {
  /** Absolute path; like /tmp, so that a cache below it is trusted whoever makes it. */
  readonly path: string;

  constructor() {
    this.path = mkdtempSync(join(tmpdir(), "flavor-launcher-"));
    chmodSync(this.path, 0o1777);
  }

  /** A path inside. */
  join(...parts: readonly string[]): string {
    return join(this.path, ...parts);
  }

  /** Makes a file or directory the ordinary user's. */
  giveAway(path: string): void {
    if (ORDINARY.uid !== undefined) chownSync(path, NOBODY, NOBODY);
  }

  [Symbol.dispose](): void {
    removeTree(this.path);
  }
}

/** Removes a tree that may hold directories without write permission, and names of any bytes. */
export function removeTree(path: string): void {
  if (!IS_ROOT) spawnSync("chmod", ["-R", "u+rwX", path]);
  const { status } = spawnSync("rm", ["-rf", path]);
  if (status !== 0) throw new Error(`Cannot remove ${path}`);
}
