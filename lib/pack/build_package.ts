import type { BuildPlan } from "../manifest/build_plan.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuildReport } from "./build_report.ts";
import { packageChunks } from "./package_chunks.ts";
import { preparePackage } from "./prepare_package.ts";

/** Options of {@linkcode buildPackage}. */
export interface BuildPackageOptions extends BuildOptions {
  /** Called once, before the first byte of the package. */
  readonly onReport?: (report: BuildReport) => void;
}

/**
 * Builds a package as a stream. The work begins when the stream is read, and
 * everything is closed when it ends, fails or is cancelled.
 *
 * @param plan What the manifest says.
 * @param options Launcher, key and host.
 * @returns The package; the stream errors with a `PspfError`.
 *
 * @example An empty package
 * ```ts
 * import { buildPackage } from "@flavor/pspf/pack";
 * import { keyPairFromSeed } from "@flavor/pspf/crypto";
 * import { BytesSource, MemorySpool } from "@flavor/pspf/io";
 * import { parseManifest } from "@flavor/pspf/manifest";
 * import { assert } from "@std/assert";
 *
 * const plan = parseManifest(
 *   `
 *   package = { name = "nothing", version = "1" }
 *   execution = { command = "true" }
 *   slots = []
 *   `,
 *   { format: "toml" },
 * );
 * const stream = buildPackage(plan, {
 *   launcher: new BytesSource(new Uint8Array(100)),
 *   keyPair: await keyPairFromSeed("example"),
 *   openSource: () => Promise.reject(new Error("there are no sources")),
 *   createSpool: () => Promise.resolve(new MemorySpool()),
 * });
 * const bytes = new Uint8Array(await new Response(stream).arrayBuffer());
 * assert(bytes.length > 8300);
 * ```
 */
export function buildPackage(
  plan: BuildPlan,
  options: BuildPackageOptions,
): ReadableStream<Uint8Array> {
  return ReadableStream.from(generatePackage(plan, options));
}

async function* generatePackage(
  plan: BuildPlan,
  options: BuildPackageOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  await using resources = new AsyncDisposableStack();
  const prepared = await preparePackage(plan, options, resources);
  options.onReport?.(prepared.report);
  yield* packageChunks(prepared, { ...options, reuseMemory: false });
}
