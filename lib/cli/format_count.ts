/**
 * A number and what it counts, for people.
 *
 * @param count How many.
 * @param noun One of them; its plural ends in "s".
 * @returns Such as `1 slot` or `2 slots`.
 */
export function formatCount(count: number, noun: string): string {
  return `${count} ${noun}${count === 1 ? "" : "s"}`;
}
