/** How much memory each reader may use for a package that wants to exhaust it. @module */

import { fromFileUrl } from "@std/path";
import type { HostileCase } from "./hostile_case.ts";

const MEBIBYTE = 1024 * 1024;

/** Bytes of resident memory, by reader. */
export interface MemoryBars {
  readonly launcher: number;
  readonly typescript: number;
}

/**
 * Finds the bars of a case.
 *
 * Content streams, so its bars do not depend on its size. A metadata document is held whole, up to its limit of
 * 16 MiB, together with what was read from it: a record for each of 65,535 slots (a little over 600 bytes
 * in the launcher, document included), or the values of 200,000 keys; when that garbage is collected is up to the
 * engine.
 *
 * @param hostile The case.
 * @returns Its bars.
 */
export function memoryBars({ family }: HostileCase): MemoryBars {
  switch (family) {
    case "metadata":
      return { launcher: 32 * MEBIBYTE, typescript: 768 * MEBIBYTE };
    case "descriptor":
      return { launcher: 48 * MEBIBYTE, typescript: 768 * MEBIBYTE };
    default:
      return { launcher: 32 * MEBIBYTE, typescript: 200 * MEBIBYTE };
  }
}

/**
 * Measures both readers. It takes a process of its own: only one with every permission may read `/proc`.
 *
 * @param file The package.
 * @param directory A fresh directory for its content.
 * @param cache A cache root for the launcher.
 * @returns What each of them used at most.
 */
export async function measureMemory(
  file: string,
  directory: string,
  cache: string,
): Promise<MemoryBars> {
  const probe = fromFileUrl(new URL("memory_probe.ts", import.meta.url));
  const { stdout, stderr, success } = await new Deno.Command(Deno.execPath(), {
    args: [
      "run",
      "--quiet",
      "--no-check",
      "--allow-all",
      probe,
      file,
      directory,
      cache,
    ],
  }).output();
  if (!success) {
    throw new Error(
      `The memory probe failed: ${new TextDecoder().decode(stderr)}`,
    );
  }
  return JSON.parse(new TextDecoder().decode(stdout));
}
