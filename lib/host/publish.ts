import { dirname } from "@std/path";
import fs from "node:fs";

import { PspfError } from "../errors.ts";
import { fileError, isTaken, quotePath } from "./file_error.ts";

function existsError(path: string, cause?: unknown): PspfError {
  return new PspfError("io/exists", `${quotePath(path)} exists already`, {
    context: { path },
    hint: "Choose another name, or use --force to replace it",
    cause,
  });
}

/** Refuses a name that is taken. */
export function checkFree(path: string): void {
  if (fs.lstatSync(path, { throwIfNoEntry: false }) !== undefined) {
    throw existsError(path);
  }
}

/**
 * Refuses to replace anything but a file or a link: a directory cannot be, and
 * a device such as `/dev/null` must not be.
 */
export function checkReplaceable(path: string): void {
  const facts = fs.lstatSync(path, { throwIfNoEntry: false });
  if (facts === undefined || facts.isFile() || facts.isSymbolicLink()) return;
  const what = facts.isDirectory() ? "a directory" : "not a regular file";
  throw new PspfError(
    "io/exists",
    `Cannot replace ${quotePath(path)}: it is ${what}`,
    { context: { path, actual: what }, hint: "Choose another name" },
  );
}

/** Gives a finished file its name in one step; `replace` allows for one that is there. */
export function publishFile(from: string, to: string, replace: boolean): void {
  try {
    if (replace) fs.renameSync(from, to);
    else publishNew(from, to);
    syncDirectory(dirname(to));
  } catch (error) {
    throw fileError(error, `create ${quotePath(to)}`, to);
  }
}

/** A rename would replace; a link does not, where the file system has links. */
function publishNew(from: string, to: string): void {
  try {
    fs.linkSync(from, to);
  } catch (error) {
    if (isTaken(error)) throw existsError(to, error);
    checkFree(to);
    fs.renameSync(from, to);
    return;
  }
  fs.unlinkSync(from);
}

/** Makes the new name itself survive a power cut, where that is possible. */
function syncDirectory(path: string): void {
  if (Deno.build.os === "windows") return;
  try {
    const fd = fs.openSync(path, fs.constants.O_RDONLY);
    try {
      fs.fsyncSync(fd);
    } finally {
      fs.closeSync(fd);
    }
  } catch {
    // Some network file systems refuse this, and a directory need not be
    // readable to be written to; the file is published all the same.
  }
}
