import { dirname } from "@std/path";
import { PspfError } from "../errors.ts";
import type { FileWriter } from "../host/types.ts";
import type { ByteSink } from "../io/byte_sink.ts";
import type { BuildPlan } from "../manifest/build_plan.ts";
import { verifyPackage } from "../read/verify_package.ts";
import { assemblePackage } from "./assemble_package.ts";
import type { BuildOptions } from "./build_options.ts";
import type { BuildReport } from "./build_report.ts";

/** How a package gets its name. */
export interface WritePackageOptions {
  /** Where it goes, absolute. */
  readonly path: string;
  /** Writes files. */
  readonly writer: FileWriter;
  /** Launcher, key and sources; scratch space is beside the package. */
  readonly build: Omit<BuildOptions, "createSpool">;
  /** Whether a file of that name is replaced. */
  readonly replace: boolean;
  /** Whether what was written is read back. */
  readonly verify: boolean;
  /** Sees the report before anything is published, and may object. */
  readonly onReport?: (report: BuildReport) => void;
}

/**
 * Builds into a temporary file, verifies it, and only then gives it its name.
 *
 * @param plan What is to be built.
 * @param options Where to, and with what.
 * @returns What was built.
 * @throws {PspfError} what the build throws, `build/verification-failed`,
 * `io/exists`, `io/denied`, `io/no-space`
 */
export async function writePackage(
  plan: BuildPlan,
  options: WritePackageOptions,
): Promise<BuildReport> {
  const { path, writer, build, replace } = options;
  const directory = dirname(path);
  await writer.makeDirectory(directory);
  await using sink = await writer.createSink(path, { mode: 0o755, replace });
  const report = await assemblePackage(plan, sink, {
    ...build,
    createSpool: () => writer.createSpool(directory),
  });
  options.onReport?.(report);
  if (options.verify) await verifyWritten(sink, build);
  await sink.commit();
  return report;
}

async function verifyWritten(
  sink: ByteSink,
  { keyPair, signal, onProgress }: WritePackageOptions["build"],
): Promise<void> {
  await using source = await sink.reopen();
  const total = source.size;
  let completed = 0;
  const { checks } = await verifyPackage(source, {
    level: "strict",
    trustedKeys: [keyPair.publicKey],
    ...(signal === undefined ? {} : { signal }),
    onProgress: (bytes) =>
      onProgress?.({ stage: "verify", completed: completed += bytes, total }),
  });
  const failed = checks.find(({ status }) => status === "fail");
  if (failed === undefined) return;
  throw new PspfError(
    "build/verification-failed",
    `The package that was written does not verify: ${failed.detail}`,
    {
      context: { path: sink.name, check: failed.id, code: failed.code ?? null },
      hint: "Check the disk and the memory of this machine, then build again",
    },
  );
}
