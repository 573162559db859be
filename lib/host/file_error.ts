import { PspfError, type PspfErrorCode } from "../errors.ts";
import { nodeBuiltin } from "../io/node_builtin.ts";

interface Translation {
  readonly code: PspfErrorCode;
  readonly says: string;
  readonly hint?: string;
}

const TRANSLATIONS: Readonly<Record<string, Translation>> = {
  ENOENT: { code: "io/not-found", says: "no such file or directory" },
  EACCES: {
    code: "io/denied",
    says: "permission denied",
    hint: "Check the owner and the mode of the file and of its directories",
  },
  EPERM: {
    code: "io/denied",
    says: "operation not permitted",
    hint: "Check the owner and the mode of the file and of its directories",
  },
  EROFS: {
    code: "io/denied",
    says: "the file system is read-only",
    hint: "Choose a place that can be written",
  },
  EEXIST: { code: "io/exists", says: "it exists already" },
  ENOTEMPTY: { code: "io/exists", says: "the directory is not empty" },
  ENOSPC: {
    code: "io/no-space",
    says: "no space left on the device",
    hint: "Free some space or choose another place",
  },
  EDQUOT: {
    code: "io/no-space",
    says: "the disk quota is used up",
    hint: "Free some space or choose another place",
  },
  EFBIG: {
    code: "io/no-space",
    says: "the file would exceed the size limit",
    hint: "Raise the limit (ulimit -f) or choose another place",
  },
  EISDIR: { code: "io/failed", says: "it is a directory" },
  ENOTDIR: { code: "io/failed", says: "a part of the path is no directory" },
  ELOOP: {
    code: "io/failed",
    says: "it is a symbolic link, or one leads in a circle",
  },
  ENAMETOOLONG: { code: "io/failed", says: "the name is too long" },
  EMFILE: { code: "io/failed", says: "too many files are open" },
  EXDEV: { code: "io/failed", says: "it lies on another file system" },
  ETXTBSY: { code: "io/failed", says: "the program is running" },
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
 * the only place that knows their names. Errors that are none pass unchanged.
 *
 * @param error What was thrown.
 * @param action What was tried, such as `open "app.psp"`.
 * @param path The path concerned.
 * @returns What to throw instead.
 */
export function fileError(
  error: unknown,
  action: string,
  path: string,
): unknown {
  const system = systemCode(error);
  if (error instanceof PspfError || system === undefined) {
    if (error instanceof Error && error.name === "NotCapable") {
      return notCapable(error, action, path);
    }
    return error;
  }
  const known = TRANSLATIONS[system];
  const says = known?.says ??
    (error instanceof Error ? error.message : system);
  return new PspfError(
    known?.code ?? "io/failed",
    `Cannot ${action}: ${says}`,
    {
      context: { path, system },
      ...(known?.hint === undefined ? {} : { hint: known.hint }),
      cause: error,
    },
  );
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

/**
 * Whether an error says that nothing is at a path.
 *
 * @param error What was thrown.
 * @returns `true` for a missing file or a missing directory on the way to it.
 */
export function isMissing(error: unknown): boolean {
  const code = systemCode(error);
  return code === "ENOENT" || code === "ENOTDIR";
}

/**
 * Whether an error says that something is at a path already.
 *
 * @param error What was thrown.
 * @returns `true` for an existing file.
 */
export function isTaken(error: unknown): boolean {
  return systemCode(error) === "EEXIST";
}

/**
 * Quotes a path for a message.
 *
 * @param path Any path.
 * @returns It in double quotes, control characters escaped.
 */
export function quotePath(path: string): string {
  return JSON.stringify(path);
}
