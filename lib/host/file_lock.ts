import fs from "node:fs";

import { PspfError } from "../errors.ts";
import { fileError, quotePath } from "./file_error.ts";
import type { FileLocks, HeldLock } from "./types.ts";

/** Locks of the operating system: they end with their holder, however it ends. */
export class SystemLocks implements FileLocks {
  tryExclusive(path: string): Promise<HeldLock | undefined> {
    return Promise.resolve().then(() => lockNow(path));
  }
}

function lockNow(path: string): HeldLock | undefined {
  try {
    if (fs.lstatSync(path, { throwIfNoEntry: false })?.isSymbolicLink()) {
      throw new PspfError(
        "cache/insecure",
        `Cannot lock ${quotePath(path)}: it is a symbolic link`,
        { context: { path } },
      );
    }
    const options = { read: true, write: true, create: true, mode: 0o600 };
    using opened = new DisposableStack();
    const file = opened.use(Deno.openSync(path, options));
    if (!file.tryLockSync(true)) return undefined;
    opened.move();
    return file;
  } catch (error) {
    throw fileError(error, `lock ${quotePath(path)}`, path);
  }
}
