import { PspfError } from "../errors.ts";

const ID_REGEXP = /^[0-9a-f]{32}$/;

/**
 * Whether a name is the id of a workenv: 32 hexadecimal digits. Such a name
 * cannot lead anywhere else.
 *
 * @param name Any text.
 * @returns `true` for an id.
 */
export function isWorkenvId(name: string): boolean {
  return ID_REGEXP.test(name);
}

/**
 * Checks an id that a user gave.
 *
 * @param text What was given.
 * @returns The id.
 * @throws {PspfError} `usage/bad-argument`
 *
 * @example
 * ```ts
 * import { checkWorkenvId } from "@flavor/pspf/workenv";
 * import { assertThrows } from "@std/assert";
 *
 * assertThrows(() => checkWorkenvId("../elsewhere"));
 * ```
 */
export function checkWorkenvId(text: string): string {
  if (isWorkenvId(text)) return text;
  throw new PspfError("usage/bad-argument", `"${text}" is not a workenv id`, {
    context: { id: text },
    hint: 'An id has 32 hexadecimal digits; see "flavor workenv list"',
  });
}
