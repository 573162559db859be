import { PspfError, type PspfErrorCode } from "../errors.ts";

/** Options of {@linkcode toBoundedNumber}. */
export interface BoundOptions {
  /** Largest value allowed, inclusive; at most 2^53 - 1. */
  readonly max: number;
  /** What the value is, for the message. */
  readonly what: string;
  /** Code of the error; `format/bad-range` by default. */
  readonly code?: PspfErrorCode | undefined;
}

/**
 * Turns an unsigned 64-bit value from a file into a number, once it is known
 * to be small enough to be used as one.
 */
export function toBoundedNumber(value: bigint, options: BoundOptions): number {
  const { max, what, code = "format/bad-range" } = options;
  if (value >= 0n && value <= BigInt(max)) return Number(value);
  throw new PspfError(
    code,
    `Cannot use the ${what}: it is ${value}, expected at most ${max}`,
    {
      context: { what, expected: `at most ${max}`, actual: value.toString() },
      hint: "The file is damaged or was cut short; fetch it again",
    },
  );
}

/** Rounds up to a multiple. */
export function alignUp(value: number, alignment: number): number {
  return Math.ceil(value / alignment) * alignment;
}
