import { fromFileUrl } from "@std/path";
import type { DirectoryDraft } from "../host/types.ts";
import { loadDefaultHost } from "./default_host.ts";
import type { HostOptions } from "./key_files.ts";

/**
 * Starts a directory to extract into. It appears under its name when it is
 * committed, and not at all when it is disposed before: a package that turns
 * out to be damaged leaves nothing behind.
 *
 * @param path Path or `file:` URL of a directory that does not exist.
 * @param options The machine.
 * @returns The directory; dispose it.
 * @throws {PspfError} `io/exists`, `io/denied`, `io/no-space`
 *
 * @example Extract everything
 * ```ts
 * import { createDirectory, PSPFBuilder, PSPFReader } from "@flavor/pspf";
 * import { assertEquals } from "@std/assert";
 *
 * const stream = new PSPFBuilder()
 *   .setPackageName("hello").setPackageVersion("1")
 *   .setMetadata({ execution: { command: "cat {workenv}/hello.txt" } })
 *   .addSlot({ name: "hello.txt" }, new TextEncoder().encode("hello"))
 *   .setLauncher(new TextEncoder().encode("launcher"))
 *   .build();
 * const parent = await Deno.makeTempDir();
 *
 * await using reader = await PSPFReader.open(await new Response(stream).bytes());
 * await using directory = await createDirectory(`${parent}/out`);
 * await reader.extractAll(directory.target);
 * await directory.commit();
 *
 * assertEquals(await Deno.readTextFile(`${parent}/out/hello.txt`), "hello");
 * await Deno.remove(parent, { recursive: true });
 * ```
 */
export async function createDirectory(
  path: string | URL,
  options: HostOptions = {},
): Promise<DirectoryDraft> {
  const { writer } = options.host ?? await loadDefaultHost();
  return await writer.createDirectory(
    path instanceof URL ? fromFileUrl(path) : path,
  );
}
