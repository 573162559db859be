/**
 * Which permission bits of a source are kept.
 *
 * `owner`: those of the owner, from which those of group and others follow as
 * under umask 022. The umask of whoever checked the source out leaves no trace.
 *
 * `exact`: all nine.
 */
export type ModeRule = "owner" | "exact";

/**
 * Computes the permission bits that are packed. Set-id and sticky bits never are.
 */
export function packedMode(mode: number, rule: ModeRule): number {
  if (rule === "exact") return mode & 0o777;
  const owner = mode & 0o700;
  return owner | (owner >> 3 & 0o050) | (owner >> 6 & 0o005);
}
