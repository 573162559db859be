import { PspfError, type PspfErrorCode } from "../errors.ts";
import { nodeBuiltin } from "../io/node_builtin.ts";

const CHECK_MODES =
  "Check the owner and the mode of the file and of its directories";
const FREE_SPACE = "Free some space or choose another place";

type Translation = readonly [code: PspfErrorCode, says: string, hint?: string];

// deno-fmt-ignore
const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  ENOENT: ["io/not-found", "no such file or directory"],
  EACCES: ["io/denied", "permission denied", CHECK_MODES],
  EPERM: ["io/denied", "operation not permitted", CHECK_MODES],
  EROFS: ["io/denied", "the file system is read-only", "Choose a place that can be written"],
  EEXIST: ["io/exists", "it exists already"],
  ENOTEMPTY: ["io/exists", "the directory is not empty"],
  ENOSPC: ["io/no-space", "no space left on the device", FREE_SPACE],
  EDQUOT: ["io/no-space", "the disk quota is used up", FREE_SPACE],
  EFBIG: ["io/no-space", "the file would exceed the size limit", "Raise the limit (ulimit -f) or choose another place"],
  EISDIR: ["io/failed", "it is a directory"],
  ENOTDIR: ["io/failed", "a part of the path is not a directory"],
  ELOOP: ["io/failed", "it is a symbolic link, or one leads in a circle"],
  ENAMETOOLONG: ["io/failed", "the name is too long"],
  EMFILE: ["io/failed", "too many files are open"],
  EXDEV: ["io/failed", "it lies on another file system"],
  ETXTBSY: ["io/failed", "the program is running"],
};

/** The name of one of the system's error numbers. */
function errnoName(number: number): string | undefined {
  const names = nodeBuiltin("node:os")?.constants.errno ?? {};
  return Object.entries(names).find(([, one]) => one === number)?.[0];
}

const OS_ERROR_REGEXP = /\(os error ([0-9]+)\)/;

/** The runtime gives some errors a code, and others only a text with a number. */
function systemCode(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  if ("code" in error && typeof error.code === "string") return error.code;
  const number = OS_ERROR_REGEXP.exec(error.message)?.[1];
  return number === undefined ? undefined : errnoName(Number(number));
}

/**
 * Turns an error of the operating system into a {@linkcode PspfError}; this is
 * the only place that knows their names. Other errors pass unchanged.
 */
export function fileError(
  error: unknown,
  action: string,
  path: string,
): unknown {
  if (error instanceof PspfError) return error;
  const system = systemCode(error);
  if (system === undefined) {
    return error instanceof Error && error.name === "NotCapable"
      ? notCapable(error, action, path)
      : error;
  }
  const [code, says, hint] = TRANSLATIONS[system] ??
    ["io/failed", error instanceof Error ? error.message : system];
  return new PspfError(code, `Cannot ${action}: ${says}`, {
    context: { path, system },
    hint,
    cause: error,
  });
}

/** Deno guards the system's own files beyond the permissions that `flavor` has. */
function notCapable(error: Error, action: string, path: string): PspfError {
  const guarded = error.message.startsWith("Requires all access");
  const says = guarded ? "it belongs to the system" : error.message;
  return new PspfError("io/denied", `Cannot ${action}: ${says}`, {
    context: { path },
    hint: guarded
      ? "Choose a place that is not in /dev, /proc or /sys"
      : "Give Deno the permission that its message names",
    cause: error,
  });
}

/** Whether an error says that a file, or a directory on the way to it, is not there. */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/** Whether an error says that something is at a path already. */
export function isTaken(error: unknown): boolean {
  return systemCode(error) === "EEXIST";
}

/** Quotes a path for a message, control characters escaped. */
export function quotePath(path: string): string {
  return JSON.stringify(path);
}
