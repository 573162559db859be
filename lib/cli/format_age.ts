/** The units of an age, in milliseconds. */
const UNITS: readonly (readonly [string, number])[] = [
  ["d", 86_400_000],
  ["h", 3_600_000],
  ["min", 60_000],
];

/**
 * How long ago something was, for people.
 *
 * @param ageMs The age in milliseconds.
 * @returns Such as `3 d`, or `now`.
 */
export function formatAge(ageMs: number): string {
  const unit = UNITS.find(([, length]) => ageMs >= length);
  if (unit === undefined) return "now";
  const [name, length] = unit;
  return `${Math.floor(ageMs / length)} ${name}`;
}
