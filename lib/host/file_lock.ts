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
    const file = Deno.openSync(path, {
      read: true,
      write: true,
      create: true,
      mode: 0o600,
    });
    if (file.tryLockSync(true)) return file;
    file.close();
    return undefined;
  } catch (error) {
    throw fileError(error, `lock ${quotePath(path)}`, path);
  }
}
