import { PspfError, type PspfErrorCode } from "../errors.ts";

/** Options of {@linkcode toBoundedNumber}. */
export interface BoundOptions {
  /** Largest value allowed, inclusive; at most 2^53 - 1. */
  readonly max: number;
  /** What the value is, for the message. */
  readonly what: string;
  /**
   * Code of the error.
   *
   * @default {"format/bad-range"}
   */
  readonly code?: PspfErrorCode;
}

/**
 * Turns an unsigned 64-bit value from a file into a number, once it is known
 * to be small enough to be used as one.
 *
 * @param value The value as stored.
 * @param options The bound, and what to say when it is exceeded.
 * @returns The same value, safe for arithmetic.
 * @throws {PspfError} `format/bad-range`, or `options.code`
 *
 * @example Bound an offset by the length of a file
 * ```ts
 * import { toBoundedNumber } from "@flavor/pspf/bytes";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(toBoundedNumber(24n, { max: 100, what: "metadata offset" }), 24);
 * assertThrows(() => toBoundedNumber(2n ** 63n, { max: 100, what: "metadata offset" }));
 * ```
 */
export function toBoundedNumber(value: bigint, options: BoundOptions): number {
  const { max, what, code = "format/bad-range" } = options;
  if (value < 0n || value > BigInt(max)) {
    throw new PspfError(
      code,
      `Cannot use the ${what}: ${value} exceeds ${max}`,
      {
        context: { what, expected: `at most ${max}`, actual: value.toString() },
        hint: "The file is damaged or was cut short; fetch it again",
      },
    );
  }
  return Number(value);
}

/**
 * Rounds up to a multiple.
 *
 * @param value A length or offset in bytes.
 * @param alignment A positive number of bytes.
 * @returns The smallest multiple of `alignment` that is not below `value`.
 *
 * @example Align an offset
 * ```ts
 * import { alignUp } from "@flavor/pspf/bytes";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(alignUp(841, 8), 848);
 * ```
 */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
