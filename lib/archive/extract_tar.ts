import { PspfError } from "../errors.ts";
import type { ExtractTarget } from "../io/extract_target.ts";
import { readTar, type ReadTarOptions } from "./read_tar.ts";

/**
 * Extracts an archive into a target. The target is not finished, so that more
 * than one archive can go into it.
 */
export async function extractTar(
  bytes: ReadableStream<Uint8Array>,
  target: ExtractTarget,
  options: ReadTarOptions = {},
): Promise<void> {
  const files = new Set<string>();
  for await (const entry of readTar(bytes, options)) {
    const { kind, path } = entry;
    if (kind === "directory") {
      // The mode of the root is the target's own business.
      if (path !== "") await target.directory(path, entry.mode);
    } else if (kind === "symlink") {
      await target.symlink(path, entry.target);
    } else if (kind === "file") {
      await target.file(path, entry.mode, entry.size, entry.content);
      files.add(path);
    } else {
      // A link may only repeat what this very archive has brought along.
      if (!files.has(entry.existing)) throw strangeLink(path, entry.existing);
      await target.hardLink(path, entry.existing);
      files.add(path);
    }
  }
}

function strangeLink(path: string, existing: string): PspfError {
  const [link, file] = [path, existing].map((text) => JSON.stringify(text));
  return new PspfError(
    "archive/unsafe-path",
    `Cannot extract ${link}: it links to ${file}, which is not a file before it`,
    { context: { path, existing } },
  );
}
