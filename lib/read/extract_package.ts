import { pathOf, type SourceInput } from "../io/open_source.ts";
import { loadHost } from "../host/load_host.ts";
import type { Host } from "../host/types.ts";
import type { OpenOptions } from "./open_package.ts";
import { PSPFReader } from "./pspf_reader.ts";
import type { ExtractOptions } from "./slot_content.ts";

/** Options of {@linkcode extractPackage}. */
export interface ExtractPackageOptions extends OpenOptions, ExtractOptions {
  /** Creates the directory; the machine that the program runs on by default. */
  readonly host?: Pick<Host, "writer"> | undefined;
}

/**
 * Extracts all slots of a package into a directory. It appears under its name
 * when everything is there and has matched its digest, and not at all when
 * anything fails: a package that turns out to be damaged leaves nothing behind.
 *
 * @param input The package: path, URL, bytes, blob or source.
 * @param directory Path or `file:` URL of a directory that does not exist, or is
 * empty.
 * @param options Level, trusted keys and progress.
 * @throws {PspfError} what opening throws, `archive/*`, `compress/*`,
 * `verify/slot-digest`, `io/exists`, `io/denied`, `io/no-space`
 *
 * @example Extract everything
 * ```ts
 * import { extractPackage, PSPFBuilder } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * const stream = new PSPFBuilder()
 *   .setPackageName("hello").setPackageVersion("1")
 *   .addSlot({ name: "hello.txt" }, new TextEncoder().encode("hello"))
 *   .setLauncher(new TextEncoder().encode("launcher"))
 *   .build();
 * const parent = await Deno.makeTempDir();
 *
 * await extractPackage(await new Response(stream).bytes(), `${parent}/out`);
 *
 * assertEquals(await Deno.readTextFile(`${parent}/out/hello.txt`), "hello");
 * await Deno.remove(parent, { recursive: true });
 * ```
 */
export async function extractPackage(
  input: SourceInput,
  directory: string | URL,
  options: ExtractPackageOptions = {},
): Promise<void> {
  const { writer } = options.host ?? await loadHost();
  await using reader = await PSPFReader.open(input, options);
  await using draft = await writer.createDirectory(pathOf(directory));
  await reader.extractAll(draft.target, options);
  await draft.commit();
}
