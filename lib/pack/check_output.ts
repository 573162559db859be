import { PspfError } from "../errors.ts";
import type { FileReader } from "../host/types.ts";

/**
 * Refuses to write a package over a file that it is made from: the build would
 * succeed, and a source, a manifest or the only copy of a key would be gone.
 *
 * @param reader Looks at the files.
 * @param output The package that is to be written, absolute.
 * @param input A file that the build reads.
 * @throws {PspfError} `usage/bad-argument`
 */
export async function checkOutput(
  reader: FileReader,
  output: string,
  input: string,
): Promise<void> {
  // Of a link, or of one of several names of a file, only the name is replaced.
  if ((await reader.linkFacts(output))?.kind !== "file") return;
  if (await reader.facts(input) === undefined) return;
  if (await reader.realPath(output) !== await reader.realPath(input)) return;
  throw new PspfError(
    "usage/bad-argument",
    `Cannot write the package to "${output}": it is made from this file`,
    { context: { output, input }, hint: "Choose another output" },
  );
}
