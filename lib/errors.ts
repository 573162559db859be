/**
 * The one error class of this project, and the one table that says what each
 * code means to a shell, a web client and the launcher.
 *
 * @module
 */

/** What a {@linkcode PspfError} code means outside of this library. */
export interface ErrorCodeInfo {
  /** One sentence without a period, for people. */
  readonly title: string;
  /** Exit code of the `flavor` command. */
  readonly exit: number;
  /** HTTP status of the web service. */
  readonly http: number;
  /** Exit code of the launcher (101 to 110, 130). */
  readonly launcher: number;
}

function info(
  title: string,
  exit: number,
  http: number,
  launcher: number,
): ErrorCodeInfo {
  return { title, exit, http, launcher };
}

/** A stable error code, `family/reason`. Renaming one is a breaking change. */
export type PspfErrorCode =
  | "format/not-a-package"
  | "format/bad-checksum"
  | "format/bad-version"
  | "format/bad-size"
  | "format/bad-range"
  | "format/bad-padding"
  | "format/bad-metadata"
  | "format/bad-slot"
  | "format/bad-operations"
  | "format/bad-seal"
  | "format/too-large"
  | "verify/signature"
  | "verify/seal"
  | "verify/unsealed"
  | "verify/untrusted-key"
  | "verify/metadata-digest"
  | "verify/slot-table-digest"
  | "verify/slot-digest"
  | "verify/launcher-digest"
  | "archive/bad-entry"
  | "archive/unsafe-path"
  | "archive/unsupported-entry"
  | "archive/too-large"
  | "archive/truncated"
  | "compress/unsupported"
  | "compress/corrupt"
  | "compress/too-large"
  | "crypto/bad-key"
  | "crypto/key-mismatch"
  | "manifest/syntax"
  | "manifest/invalid"
  | "build/failed"
  | "build/source-changed"
  | "build/verification-failed"
  | "build/limit"
  | "launcher/not-found"
  | "launcher/wrong-format"
  | "launcher/failed"
  | "cache/unavailable"
  | "cache/insecure"
  | "cache/in-use"
  | "cache/not-found"
  | "run/setup-failed"
  | "run/cannot-execute"
  | "io/not-found"
  | "io/exists"
  | "io/denied"
  | "io/no-space"
  | "io/failed"
  | "usage/bad-argument"
  | "usage/unknown-command"
  | "aborted/interrupted"
  | "internal/bug";

/**
 * Every error code with its meaning; `tests/vectors/error_codes.json` is the
 * copy that the launcher is tested against.
 *
 * @example Look up an exit code
 * ```ts
 * import { ERROR_CODES } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(ERROR_CODES["verify/signature"].exit, 4);
 * ```
 */
export const ERROR_CODES: Readonly<Record<PspfErrorCode, ErrorCodeInfo>> = {
  "format/not-a-package": info(
    "The file is not a PSPF/2025 package",
    3,
    422,
    102,
  ),
  "format/bad-checksum": info(
    "The index block's Adler-32 does not match",
    3,
    422,
    102,
  ),
  "format/bad-version": info(
    "The format version is not supported",
    3,
    422,
    102,
  ),
  "format/bad-size": info(
    "The file length differs from the recorded package size",
    3,
    422,
    102,
  ),
  "format/bad-range": info(
    "An offset or size lies outside the file",
    3,
    422,
    102,
  ),
  "format/bad-padding": info(
    "Bytes between the sections of a sealed package are not zero",
    4,
    422,
    102,
  ),
  "format/bad-metadata": info(
    "The metadata document is not valid",
    3,
    422,
    102,
  ),
  "format/bad-slot": info(
    "The slot table and the metadata disagree",
    3,
    422,
    102,
  ),
  "format/bad-operations": info(
    "An operation chain is not supported or not well formed",
    3,
    422,
    102,
  ),
  "format/bad-seal": info("The seal is not well formed", 3, 422, 102),
  "format/too-large": info("A declared size exceeds a limit", 3, 413, 102),
  "verify/signature": info(
    "The metadata signature does not verify",
    4,
    422,
    107,
  ),
  "verify/seal": info("The seal signature does not verify", 4, 422, 107),
  "verify/unsealed": info("The package carries no seal", 4, 422, 107),
  "verify/untrusted-key": info(
    "The package is signed by a key that is not trusted",
    4,
    403,
    107,
  ),
  "verify/metadata-digest": info(
    "The metadata digest does not match",
    4,
    422,
    107,
  ),
  "verify/slot-table-digest": info(
    "The slot table digest does not match the seal",
    4,
    422,
    107,
  ),
  "verify/slot-digest": info("A slot's digest does not match", 4, 422, 107),
  "verify/launcher-digest": info(
    "The launcher's digest does not match",
    4,
    422,
    107,
  ),
  "archive/bad-entry": info("An archive entry is not well formed", 3, 422, 103),
  "archive/unsafe-path": info(
    "An archive entry would leave its directory",
    3,
    422,
    103,
  ),
  "archive/unsupported-entry": info(
    "An archive entry is of a kind that is never extracted",
    3,
    422,
    103,
  ),
  "archive/too-large": info("An archive exceeds a limit", 3, 413, 103),
  "archive/truncated": info("An archive ends early", 3, 422, 103),
  "compress/unsupported": info(
    "A compression is not supported here",
    6,
    422,
    103,
  ),
  "compress/corrupt": info("Compressed data is damaged", 3, 422, 103),
  "compress/too-large": info(
    "Decompressed data exceeds its limit",
    3,
    413,
    103,
  ),
  "crypto/bad-key": info("A key is not a valid Ed25519 key", 3, 422, 109),
  "crypto/key-mismatch": info(
    "The public key does not belong to the private key",
    3,
    422,
    109,
  ),
  "manifest/syntax": info("The manifest cannot be parsed", 3, 422, 109),
  "manifest/invalid": info("The manifest is not valid", 3, 422, 109),
  "build/failed": info("The package cannot be built", 6, 500, 108),
  "build/source-changed": info(
    "A source changed while it was being packed",
    6,
    409,
    108,
  ),
  "build/verification-failed": info(
    "The package that was just written does not verify",
    6,
    500,
    108,
  ),
  "build/limit": info(
    "The package would exceed a limit of the format or profile",
    6,
    422,
    108,
  ),
  "launcher/not-found": info(
    "No launcher is available for the platform",
    5,
    404,
    110,
  ),
  "launcher/wrong-format": info(
    "The launcher does not fit the target platform",
    6,
    422,
    110,
  ),
  "launcher/failed": info("A native helper failed", 6, 500, 110),
  "cache/unavailable": info("No usable cache directory", 5, 500, 106),
  "cache/insecure": info(
    "The cache directory can be changed by others",
    5,
    500,
    106,
  ),
  "cache/in-use": info("A workenv is in use", 5, 409, 106),
  "cache/not-found": info("No such workenv", 5, 404, 106),
  "run/setup-failed": info("A setup command failed", 6, 500, 104),
  "run/cannot-execute": info("The program cannot be started", 6, 500, 104),
  "io/not-found": info("A file does not exist", 5, 404, 106),
  "io/exists": info("A file exists already", 5, 409, 106),
  "io/denied": info("Access is denied", 5, 403, 106),
  "io/no-space": info("The disk is full", 5, 507, 106),
  "io/failed": info("Reading or writing failed", 5, 500, 106),
  "usage/bad-argument": info("An argument is not valid", 2, 400, 105),
  "usage/unknown-command": info("No such command", 2, 400, 105),
  "aborted/interrupted": info("The operation was interrupted", 130, 499, 130),
  "internal/bug": info("An internal error", 1, 500, 101),
};

/** A value that survives `JSON.stringify`; u64 values are decimal strings. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue };

/** The machine-readable form of a {@linkcode PspfError}. */
export interface PspfErrorJson {
  /** The stable code. */
  readonly code: PspfErrorCode;
  /** What happened, in one sentence. */
  readonly message: string;
  /** What the user can do next. */
  readonly hint?: string;
  /** The facts: file, offset, expected, actual. */
  readonly context: Readonly<Record<string, JsonValue>>;
}

/** Options of the {@linkcode PspfError} constructor. */
export interface PspfErrorOptions extends ErrorOptions {
  /** The facts: file, offset (bytes), expected, actual. */
  readonly context?: Readonly<Record<string, JsonValue>>;
  /** What the user can do next, as a sentence. */
  readonly hint?: string;
}

/**
 * An error that this library expects to happen: bad input, a failed check, a
 * missing file. Mistakes of the programmer stay `TypeError` and `RangeError`.
 *
 * @example Tell one failure from another
 * ```ts
 * import { isPspfError, PspfError } from "@flavor/pspf";
 * import { assert } from "@std/assert";
 *
 * const error = new PspfError("io/not-found", 'Cannot open "app.psp"', {
 *   context: { path: "app.psp" },
 *   hint: "Check the path",
 * });
 * assert(isPspfError(error, "io/not-found"));
 * assert(!isPspfError(error, "verify/signature"));
 * ```
 */
export class PspfError extends Error {
  /** Always `"PspfError"`. */
  override readonly name: string = "PspfError";
  /** The stable code. */
  readonly code: PspfErrorCode;
  /** The facts: file, offset (bytes), expected, actual. */
  readonly context: Readonly<Record<string, JsonValue>>;
  /** What the user can do next, if anything. */
  readonly hint: string | undefined;

  /**
   * Makes an error.
   *
   * @param code The stable code.
   * @param message What happened: action first, no period.
   * @param options Context, hint and cause.
   */
  constructor(
    code: PspfErrorCode,
    message: string,
    options: PspfErrorOptions = {},
  ) {
    super(message, options.cause === undefined ? {} : { cause: options.cause });
    this.code = code;
    this.context = options.context ?? {};
    this.hint = options.hint;
  }

  /**
   * The machine-readable form, without the stack.
   *
   * @returns Code, message, hint and context.
   */
  toJSON(): PspfErrorJson {
    const { code, message, context, hint } = this;
    return hint === undefined
      ? { code, message, context }
      : { code, message, hint, context };
  }
}

/**
 * Whether a caught value is a {@linkcode PspfError}, optionally of one code.
 *
 * @param error Anything that was thrown.
 * @param code The code to look for; any code when absent.
 * @returns `true` when it is.
 */
export function isPspfError(
  error: unknown,
  code?: PspfErrorCode,
): error is PspfError {
  return error instanceof PspfError &&
    (code === undefined || error.code === code);
}
