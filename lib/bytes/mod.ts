/**
 * Small, exact helpers for bytes from files that nobody trusts.
 *
 * @example Bound a size before it is used
 * ```ts
 * import { alignUp, toBoundedNumber } from "@flavor/pspf/bytes";
 * import { assertEquals } from "@std/assert";
 *
 * const size = toBoundedNumber(817n, { max: 9450, what: "metadata size" });
 * assertEquals(alignUp(24 + size, 8), 848);
 * ```
 *
 * @module
 */

export { adler32 } from "./adler32.ts";
export { alignUp, type BoundOptions, toBoundedNumber } from "./u64.ts";
