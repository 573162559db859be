/**
 * Which permission bits of a source are kept.
 *
 * `owner`: those of the owner, from which those of group and others follow as
 * under umask 022. The umask of whoever checked the source out leaves no trace.
 *
 * `exact`: all nine.
 */
export type ModeRule = "owner" | "exact";

const OWNER_BITS = 0o700;
const GROUP_BITS = 0o050;
const OTHER_BITS = 0o005;
/** setuid, setgid and sticky bits are never packed. */
const PERMISSION_BITS = 0o777;

/**
 * Computes the permission bits that are packed.
 *
 * @param mode The mode of a file or directory.
 * @param rule What is kept of it.
 * @returns At most 0o777.
 */
export function packedMode(mode: number, rule: ModeRule): number {
  if (rule === "exact") return mode & PERMISSION_BITS;
  const owner = mode & OWNER_BITS;
  return owner | (owner >> 3 & GROUP_BITS) | (owner >> 6 & OTHER_BITS);
}
