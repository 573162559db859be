import type { ByteSink } from "../io/byte_sink.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuildReport } from "./build_report.ts";
import { packageChunks } from "./package_chunks.ts";
import { preparePackage } from "./prepare_package.ts";

/**
 * Builds a package and writes it to a sink, which the caller commits: between
 * the two is the moment to verify what was written.
 *
 * @param plan What the manifest says.
 * @param sink Takes the package; neither committed nor disposed.
 * @param options Launcher, key and host.
 * @returns What was built.
 * @throws {PspfError} what sources, codecs, spool and sink throw,
 * `manifest/invalid`, `build/failed`, `build/limit`, `build/source-changed`
 *
 * @example Into memory
 * ```ts
 * import { assemblePackage } from "@flavor/pspf/pack";
 * import { keyPairFromSeed } from "@flavor/pspf/crypto";
 * import { BytesSource, MemorySink, MemorySpool } from "@flavor/pspf/io";
 * import { parseManifest } from "@flavor/pspf/manifest";
 * import { assertEquals } from "@std/assert";
 *
 * const plan = parseManifest(
 *   `
 *   package = { name = "hello", version = "1.0.0" }
 *   execution = { command = "sh {workenv}/hello.sh" }
 *   slots = [{ id = "app", source = "hello.sh", target = "hello.sh" }]
 *   `,
 *   { format: "toml" },
 * );
 * const script = new TextEncoder().encode("echo hello, world\n");
 * await using sink = new MemorySink();
 * const report = await assemblePackage(plan, sink, {
 *   launcher: new BytesSource(new TextEncoder().encode("launcher")),
 *   keyPair: await keyPairFromSeed("example"),
 *   openSource: () =>
 *     Promise.resolve({
 *       kind: "file",
 *       bytes: new BytesSource(script),
 *       mode: 0o755,
 *     }),
 *   createSpool: () => Promise.resolve(new MemorySpool()),
 * });
 * await sink.commit();
 * assertEquals(sink.bytes?.length, report.packageSize);
 * ```
 */
export async function assemblePackage(
  plan: BuildPlan,
  sink: ByteSink,
  options: BuildOptions,
): Promise<BuildReport> {
  await using resources = new AsyncDisposableStack();
  const prepared = await preparePackage(plan, options, resources);
  // A sink does not keep what it is given.
  const chunks = packageChunks(prepared, { ...options, reuseMemory: true });
  for await (const chunk of chunks) {
    await sink.write(chunk);
  }
  return prepared.report;
}
