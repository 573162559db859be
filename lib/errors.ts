/**
 * The one error class of this project, and the one table that says what each
 * code means to a shell, a web client and the launcher.
 *
 * @module
 */

/** What a {@linkcode PspfError} code means outside this library. */
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

// deno-fmt-ignore
/** A stable error code, `family/reason`. Renaming one is a breaking change. */
export type PspfErrorCode =
  | "format/not-a-package" | "format/bad-checksum" | "format/bad-version" | "format/bad-size"
  | "format/bad-range" | "format/bad-padding" | "format/bad-metadata" | "format/bad-slot"
  | "format/bad-operations" | "format/bad-seal" | "format/too-large"
  | "verify/signature" | "verify/seal" | "verify/unsealed" | "verify/untrusted-key"
  | "verify/metadata-digest" | "verify/slot-table-digest" | "verify/slot-digest" | "verify/launcher-digest"
  | "archive/bad-entry" | "archive/unsafe-path" | "archive/unsupported-entry" | "archive/too-large"
  | "archive/truncated"
  | "compress/unsupported" | "compress/corrupt" | "compress/too-large"
  | "crypto/bad-key" | "crypto/key-mismatch"
  | "manifest/syntax" | "manifest/invalid"
  | "build/failed" | "build/source-changed" | "build/verification-failed" | "build/limit" | "build/too-large"
  | "launcher/not-found" | "launcher/wrong-format" | "launcher/failed"
  | "cache/unavailable" | "cache/insecure" | "cache/in-use" | "cache/not-found"
  | "run/setup-failed" | "run/cannot-execute"
  | "io/not-found" | "io/exists" | "io/denied" | "io/no-space" | "io/failed"
  | "usage/bad-argument" | "usage/unknown-command"
  | "aborted/interrupted"
  | "internal/bug";

// deno-fmt-ignore
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
  "format/not-a-package": info(3, 422, 102, "The file is not a PSPF/2025 package"),
  "format/bad-checksum": info(3, 422, 102, "The index block's Adler-32 does not match"),
  "format/bad-version": info(3, 422, 102, "The format version is not supported"),
  "format/bad-size": info(3, 422, 102, "The file length differs from the recorded package size"),
  "format/bad-range": info(3, 422, 102, "An offset or size lies outside the file"),
  "format/bad-padding": info(4, 422, 102, "Bytes between the sections of a sealed package are not zero"),
  "format/bad-metadata": info(3, 422, 102, "The metadata document is not valid"),
  "format/bad-slot": info(3, 422, 102, "The slot table and the metadata disagree"),
  "format/bad-operations": info(3, 422, 102, "An operation chain is not supported or not well formed"),
  "format/bad-seal": info(3, 422, 102, "The seal is not well formed"),
  "format/too-large": info(3, 413, 102, "A declared size exceeds a limit"),
  "verify/signature": info(4, 422, 107, "The metadata signature does not verify"),
  "verify/seal": info(4, 422, 107, "The seal signature does not verify"),
  "verify/unsealed": info(4, 422, 107, "The package carries no seal"),
  "verify/untrusted-key": info(4, 403, 107, "The package is signed by a key that is not trusted"),
  "verify/metadata-digest": info(4, 422, 107, "The metadata digest does not match"),
  "verify/slot-table-digest": info(4, 422, 107, "The slot table digest does not match the seal"),
  "verify/slot-digest": info(4, 422, 107, "A slot's digest does not match"),
  "verify/launcher-digest": info(4, 422, 107, "The launcher's digest does not match"),
  "archive/bad-entry": info(3, 422, 103, "An archive entry is not well formed"),
  "archive/unsafe-path": info(3, 422, 103, "An archive entry would leave its directory"),
  "archive/unsupported-entry": info(3, 422, 103, "An archive entry is of a kind that is never extracted"),
  "archive/too-large": info(3, 413, 103, "An archive exceeds a limit"),
  "archive/truncated": info(3, 422, 103, "An archive ends early"),
  "compress/unsupported": info(6, 422, 103, "A compression is not supported here"),
  "compress/corrupt": info(3, 422, 103, "Compressed data is damaged"),
  "compress/too-large": info(3, 413, 103, "Decompressed data exceeds its limit"),
  "crypto/bad-key": info(3, 422, 109, "A key is not a valid Ed25519 key"),
  "crypto/key-mismatch": info(3, 422, 109, "The public key does not belong to the private key"),
  "manifest/syntax": info(3, 422, 109, "The manifest cannot be parsed"),
  "manifest/invalid": info(3, 422, 109, "The manifest is not valid"),
  "build/failed": info(6, 500, 108, "The package cannot be built"),
  "build/source-changed": info(6, 409, 108, "A source changed while it was being packed"),
  "build/verification-failed": info(6, 500, 108, "The package that was just written does not verify"),
  "build/limit": info(6, 422, 108, "The package would exceed a limit of the format or profile"),
  "build/too-large": info(6, 413, 108, "A file is too large to be packed"),
  "launcher/not-found": info(5, 404, 110, "No launcher is available for the platform"),
  "launcher/wrong-format": info(6, 422, 110, "The launcher does not fit the target platform"),
  "launcher/failed": info(6, 500, 110, "A native helper failed"),
  "cache/unavailable": info(5, 500, 106, "No usable cache directory"),
  "cache/insecure": info(5, 500, 106, "The cache directory can be changed by others"),
  "cache/in-use": info(5, 409, 106, "A workenv is in use"),
  "cache/not-found": info(5, 404, 106, "No such workenv"),
  "run/setup-failed": info(6, 500, 104, "A setup command failed"),
  "run/cannot-execute": info(6, 500, 104, "The program cannot be started"),
  "io/not-found": info(5, 404, 106, "A file does not exist"),
  "io/exists": info(5, 409, 106, "A file exists already"),
  "io/denied": info(5, 403, 106, "Access is denied"),
  "io/no-space": info(5, 507, 106, "The disk is full"),
  "io/failed": info(5, 500, 106, "Reading or writing failed"),
  "usage/bad-argument": info(2, 400, 105, "An argument is not valid"),
  "usage/unknown-command": info(2, 400, 105, "No such command"),
  "aborted/interrupted": info(130, 499, 130, "The operation was interrupted"),
  "internal/bug": info(1, 500, 101, "An internal error"),
};

function info(
  exit: number,
  http: number,
  launcher: number,
  title: string,
): ErrorCodeInfo {
  return { title, exit, http, launcher };
}

/** A value that survives `JSON.stringify`; u64 values are decimal strings. */
export type JsonValue =
  | null
  | boolean
  | number
  | string
  | readonly JsonValue[]
  | { readonly [key: string]: JsonValue | undefined };

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
  readonly context?: Readonly<Record<string, JsonValue>> | undefined;
  /** What the user can do next, as a sentence. */
  readonly hint?: string | undefined;
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
