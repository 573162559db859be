/**
 * Calls a function for every item, a few at the same time.
 *
 * @param items What to call it for.
 * @param width How many calls run at once.
 * @param call The function; its first rejection ends the loop once no call runs any more.
 */
export async function forEachAtOnce<T>(
  items: readonly T[],
  width: number,
  call: (item: T) => Promise<void>,
): Promise<void> {
  const queue = items.values();
  const work = async (): Promise<void> => {
    // All workers draw from the same iterator, so one that fails ends them all.
    for (const item of queue) await call(item);
  };
  const ends = await Promise.allSettled(Array.from({ length: width }, work));
  for (const end of ends) if (end.status === "rejected") throw end.reason;
}
