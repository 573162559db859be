import { PspfError } from "../errors.ts";
import { DEFAULT_PERMISSIONS } from "./constants.ts";

const STRICT_REGEXP = /^(?:0o?)?([0-7]{3,4})$/;
const LENIENT_REGEXP = /^(?:0o)?([0-7]+)$/;
const MAX_STORED = 0xffff;

/**
 * Reads the permission bits of a manifest. The existing builders fall back to
 * 0600 for what they cannot read; here it is an error.
 *
 * @param text Three or four octal digits, with or without `0o`.
 * @returns The bits, from 0o001 to 0o777.
 * @throws {PspfError} `manifest/invalid`
 *
 * @example An executable file
 * ```ts
 * import { parsePermissions } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(parsePermissions("0755"), 0o755);
 * assertEquals(parsePermissions("0o644"), 0o644);
 * ```
 */
export function parsePermissions(text: string): number {
  const digits = STRICT_REGEXP.exec(text)?.[1];
  const bits = digits === undefined ? 0 : Number.parseInt(digits, 8);
  if (bits < 1 || bits > 0o777) {
    throw new PspfError(
      "manifest/invalid",
      `Cannot use permissions "${text}": expected an octal mode up to 0777`,
      {
        context: { actual: text },
        hint:
          'Write three octal digits like "755"; setuid and sticky bits are not packed',
      },
    );
  }
  return bits;
}

/**
 * Writes permission bits the way the metadata holds them.
 *
 * @param bits Permission bits.
 * @returns Four octal digits.
 *
 * @example Four digits
 * ```ts
 * import { formatPermissions } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(formatPermissions(0o644), "0644");
 * ```
 */
export function formatPermissions(bits: number): string {
  return bits.toString(8).padStart(4, "0");
}

/**
 * Reads the permission word of a package as leniently as the launchers do.
 *
 * @param text The word in the metadata, if there is one.
 * @returns The 16 bits that a builder would have stored, or `undefined` when
 * the word is no octal number.
 *
 * @example What older builders wrote
 * ```ts
 * import { readPermissions } from "@flavor/pspf/format";
 * import { assertEquals } from "@std/assert";
 *
 * assertEquals(readPermissions("4755"), 0o4755);
 * assertEquals(readPermissions(undefined), 0o600);
 * assertEquals(readPermissions("rwx"), undefined);
 * ```
 */
export function readPermissions(text: string | undefined): number | undefined {
  if (text === undefined || text === "") return DEFAULT_PERMISSIONS;
  const digits = LENIENT_REGEXP.exec(text)?.[1];
  const bits = digits === undefined ? NaN : Number.parseInt(digits, 8);
  return bits <= MAX_STORED ? bits : undefined;
}
