/** The numbers that break careless arithmetic. @module */

const U64_MAX = 2n ** 64n - 1n;

/**
 * Values for a 64-bit offset or size of a file.
 *
 * @param current What the field holds when it is right.
 * @param trailer Where the sections have to end.
 * @param end Length of the file.
 * @returns The values by name, without the right one.
 */
export function extremeValues(
  current: bigint,
  trailer: number,
  end: number,
): ReadonlyMap<string, bigint> {
  const values = new Map<string, bigint>([
    ["0", 0n],
    ["1", 1n],
    ["one less", BigInt.asUintN(64, current - 1n)],
    ["one more", BigInt.asUintN(64, current + 1n)],
    ["2^31", 2n ** 31n],
    ["2^32 - 1", 2n ** 32n - 1n],
    ["2^32", 2n ** 32n],
    ["2^32 more", BigInt.asUintN(64, current + 2n ** 32n)],
    ["2^53", 2n ** 53n],
    ["2^53 + 1", 2n ** 53n + 1n],
    ["2^63 - 1", 2n ** 63n - 1n],
    ["2^63", 2n ** 63n],
    ["-8200", U64_MAX - 8199n],
    ["minus the file length", BigInt.asUintN(64, -BigInt(end))],
    ["-1", U64_MAX],
    ["EOF", BigInt(end)],
    ["EOF + 1", BigInt(end + 1)],
    ["EOF - 8200", BigInt(trailer)],
    ["EOF - 8201", BigInt(trailer - 1)],
    ["EOF - 8199", BigInt(trailer + 1)],
  ]);
  for (const [name, value] of values) {
    if (value === current) values.delete(name);
  }
  return values;
}

/** The names of {@linkcode extremeValues}: cases are named before a file exists. */
export const EXTREME_NAMES: readonly string[] = [
  ...extremeValues(7n, 5, 9).keys(),
];
