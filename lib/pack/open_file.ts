import { fromFileUrl } from "@std/path";
import type { RandomAccessSource } from "../io/random_access_source.ts";
import { loadDefaultHost } from "./default_host.ts";
import type { HostOptions } from "./key_files.ts";

/**
 * Opens a file, to be read as a package or packed as a slot.
 *
 * @param path Path or `file:` URL.
 * @param options The machine.
 * @returns The file; dispose it, or what it was given to.
 * @throws {PspfError} `io/not-found`, `io/denied`, `io/failed`
 *
 * @example Verify a file
 * ```ts
 * import { openFile, verifyPackage } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * const path = await Deno.makeTempFile();
 * await using source = await openFile(path);
 * const { checks } = await verifyPackage(source);
 * assertEquals(checks[0]?.code, "format/not-a-package");
 * await Deno.remove(path);
 * ```
 */
export async function openFile(
  path: string | URL,
  options: HostOptions = {},
): Promise<RandomAccessSource> {
  const { reader } = options.host ?? await loadDefaultHost();
  return await reader.openSource(
    path instanceof URL ? fromFileUrl(path) : path,
  );
}
