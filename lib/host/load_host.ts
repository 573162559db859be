import type { Host } from "./types.ts";

/**
 * Loads the machine that the program runs on. It is imported at this moment and
 * not before: a program that only works in memory never loads it, and importing
 * this library needs no permission.
 */
export async function loadHost(): Promise<Host> {
  const { createDenoHost } = await import("./deno_host.ts");
  return createDenoHost();
}
