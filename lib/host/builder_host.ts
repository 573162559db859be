import type { BuilderHost } from "../pack/builder_host.ts";
import { findLauncher, parsePlatform } from "../launchers/mod.ts";
import { createDenoHost } from "./deno_host.ts";
import type { Host } from "./types.ts";

/**
 * This machine as builders see it.
 *
 * @param host The machine.
 * @returns The part that builders use.
 *
 * @example Paths that start somewhere else
 * ```ts
 * import { PSPFBuilder } from "@flavor/pspf";
 * import { createBuilderHost, createDenoHost } from "@flavor/pspf/host";
 * import { assertEquals } from "@std/assert";
 *
 * const directory = await Deno.makeTempDir();
 * const host = createBuilderHost(createDenoHost().within(directory));
 * const { path } = await new PSPFBuilder({ host })
 *   .setPackageName("hello").setPackageVersion("1")
 *   .setMetadata({ execution: { command: "true" } })
 *   .setLauncher(new TextEncoder().encode("launcher"))
 *   .build("hello.psp");
 * assertEquals(path, `${directory}/hello.psp`);
 * await Deno.remove(directory, { recursive: true });
 * ```
 */
export function createBuilderHost(
  host: Host = createDenoHost(),
): BuilderHost {
  return {
    reader: host.reader,
    writer: host.writer,
    clock: host.clock,
    user: host.machine.user,
    processors: host.machine.processors,
    findLauncher: async ({ path, target }) => {
      const { path: file, platform } = await findLauncher(host, {
        ...(path === undefined ? {} : { given: path }),
        ...(target === undefined ? {} : { target: parsePlatform(target) }),
      });
      return { path: file, target: platform };
    },
  };
}
