import { PspfError } from "../errors.ts";
import { MAX_OPERATIONS } from "./constants.ts";

/**
 * Packs operation codes into a u64, the first in the lowest byte.
 *
 * @param codes Codes 1 to 255 in the order of execution, at most 8.
 * @returns The packed chain.
 * @throws {PspfError} `format/bad-operations` when there are too many, or one
 * is out of range.
 *
 * @example tar, then gzip
 * ```ts
 * import { packOperations } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(packOperations([0x01, 0x10]), 0x1001n);
 * ```
 */
export function packOperations(codes: readonly number[]): bigint {
  if (codes.length > MAX_OPERATIONS) {
    throw new PspfError(
      "format/bad-operations",
      `Cannot pack ${codes.length} operations: the most is ${MAX_OPERATIONS}`,
      { context: { actual: codes.length, expected: MAX_OPERATIONS } },
    );
  }
  let packed = 0n;
  for (const [index, code] of codes.entries()) {
    if (!Number.isInteger(code) || code < 1 || code > 255) {
      throw new PspfError(
        "format/bad-operations",
        `Cannot pack operation ${index}: code ${code} is not in 1..255`,
        { context: { index, actual: code } },
      );
    }
    packed |= BigInt(code) << BigInt(8 * index);
  }
  return packed;
}

/**
 * Unpacks a chain. A zero byte ends it; a code after a zero byte is refused,
 * because the existing launchers disagree about what it means.
 *
 * @param packed The u64 of a slot descriptor.
 * @returns The codes in the order of execution.
 * @throws {PspfError} `format/bad-operations` when there is a hole.
 *
 * @example A hole is refused
 * ```ts
 * import { unpackOperations } from "@flavor/pspf/format";
 * import { assertEquals, assertThrows } from "@std/assert";
 *
 * assertEquals(unpackOperations(0x1001n), [0x01, 0x10]);
 * assertThrows(() => unpackOperations(0x100001n));
 * ```
 */
export function unpackOperations(packed: bigint): readonly number[] {
  const codes: number[] = [];
  for (let rest = packed; rest !== 0n; rest >>= 8n) {
    const code = Number(rest & 0xffn);
    if (code === 0) {
      throw new PspfError(
        "format/bad-operations",
        `Cannot read operation chain 0x${packed.toString(16)}: it has a hole`,
        { context: { operations: packed.toString(), index: codes.length } },
      );
    }
    codes.push(code);
  }
  return codes;
}
