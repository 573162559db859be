/**
 * What can be done to a slot's bytes, by the code in a packed chain: the v0
 * set, all that any launcher can undo.
 *
 * @example Codes are plain numbers
 * ```ts
 * import { Operation } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(Operation.ZSTD, 0x1b);
 * ```
 */
export const Operation = {
  /** Nothing: never part of a chain. */
  NONE: 0x00,
  /** A tree of files as one tar archive. */
  TAR: 0x01,
  /** gzip (RFC 1952). */
  GZIP: 0x10,
  /** bzip2. */
  BZIP2: 0x13,
  /** xz. */
  XZ: 0x16,
  /** Zstandard (RFC 8878). */
  ZSTD: 0x1b,
} as const;

/** The code of an {@linkcode Operation}. */
export type OperationCode = typeof Operation[keyof typeof Operation];

const NAMES: Readonly<Record<OperationCode, string>> = {
  [Operation.NONE]: "raw",
  [Operation.TAR]: "tar",
  [Operation.GZIP]: "gzip",
  [Operation.BZIP2]: "bzip2",
  [Operation.XZ]: "xz",
  [Operation.ZSTD]: "zstd",
};

/**
 * Whether a byte is the code of a known operation.
 *
 * @param code A byte of a packed chain.
 * @returns `true` for the codes of {@linkcode Operation}.
 *
 * @example Encryption is not in the v0 set
 * ```ts
 * import { isOperationCode } from "@flavor/pspf/format";
 * import { assert } from "@std/assert";
 *
 * assert(isOperationCode(0x10));
 * assert(!isOperationCode(0x31));
 * ```
 */
export function isOperationCode(code: number): code is OperationCode {
  return Object.hasOwn(NAMES, code);
}

/**
 * Names an operation.
 *
 * @param code One of {@linkcode Operation}.
 * @returns The lower-case name used in chains.
 *
 * @example The name of a code
 * ```ts
 * import { Operation, operationName } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(operationName(Operation.BZIP2), "bzip2");
 * ```
 */
export function operationName(code: OperationCode): string {
  return NAMES[code];
}
