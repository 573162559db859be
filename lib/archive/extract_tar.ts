import { PspfError } from "../errors.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import { readTar, type ReadTarOptions } from "./read_tar.ts";

/**
 * Extracts an archive into a target. The target is not finished, so that more
 * than one archive can go into it.
 *
 * @param bytes The archive.
 * @param target Where its members go.
 * @param options Limits.
 * @throws {PspfError} What {@linkcode readTar} and the target throw.
 *
 * @example An empty archive
 * ```ts
 * import { extractTar } from "@flavor/pspf/archive";
 * import { MemoryTarget } from "@flavor/pspf/io";
 * import { assertEquals } from "@std/assert";
 *
 * const target = new MemoryTarget();
 * await extractTar(new Blob([new Uint8Array(1024)]).stream(), target);
 * assertEquals(target.entries.size, 0);
 * ```
 */
export async function extractTar(
  bytes: ReadableStream<Uint8Array>,
  target: ExtractTarget,
  options: ReadTarOptions = {},
): Promise<void> {
  const files = new Set<string>();
  for await (const entry of readTar(bytes, options)) {
    switch (entry.kind) {
      case "directory":
        // The mode of the root is the target's own business.
        if (entry.path !== "") await target.directory(entry.path, entry.mode);
        break;
      case "file":
        await target.file(entry.path, entry.mode, entry.size, entry.content);
        files.add(entry.path);
        break;
      case "symlink":
        await target.symlink(entry.path, entry.target);
        break;
      case "hardlink":
        // A link may only repeat what this very archive has brought along.
        if (!files.has(entry.existing)) {
          throw new PspfError(
            "archive/unsafe-path",
            `Cannot extract "${entry.path}": it links to "${entry.existing}", which is no file before it`,
            { context: { path: entry.path, existing: entry.existing } },
          );
        }
        await target.hardLink(entry.path, entry.existing);
        files.add(entry.path);
        break;
    }
  }
}
