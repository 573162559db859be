/** Reaching it means that the condition will never come true. */
const NEVER_MS = 60_000;

/**
 * Waits for a condition, for which there is no event.
 *
 * @param what Names the condition in the error.
 * @param condition Asked again and again.
 * @throws {Error} When it does not come true within a minute.
 */
export async function waitUntil(
  what: string,
  condition: () => boolean,
): Promise<void> {
  const deadline = performance.now() + NEVER_MS;
  while (!condition()) {
    if (performance.now() > deadline) {
      throw new Error(`This never happened: ${what}`);
    }
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
