import { encodeHex } from "@std/encoding/hex";
import { dirname, join } from "@std/path";

import type { BuildOptions, BuildReport } from "../pack/mod.ts";
import { PspfError } from "../errors.ts";
import { checkBuilt } from "../launchers/check_built.ts";
import { runBuilder } from "../launchers/run_builder.ts";
import { writeBuilderInputs } from "../launchers/write_builder_inputs.ts";
import type { BuildPlan } from "../manifest/mod.ts";
import { openPackage } from "../read/mod.ts";
import type { CommandContext } from "./command_spec.ts";
import type { LogLevel } from "./output.ts";
import { verifyFile } from "./package_file.ts";

/** A build by a native builder. */
export interface BuilderPack {
  /** The builder. */
  readonly builder: string;
  /** The launcher, as a path. */
  readonly launcherPath: string;
  /** How much the builder says; shown at `debug` and when it fails. */
  readonly logLevel: LogLevel;
  /** Sources, key and launcher. */
  readonly build: Omit<BuildOptions, "createSpool" | "portable">;
}

/**
 * Has a native builder write the package. It works in a private directory, and
 * what it wrote has to verify, to be signed by our key and to hold what was
 * asked for; only then it is copied to where it belongs.
 */
export async function packWithBuilder(
  plan: BuildPlan,
  path: string,
  pack: BuilderPack,
  { host, output }: CommandContext,
): Promise<BuildReport> {
  const { build } = pack;
  await host.writer.makeDirectory(dirname(path));
  await using sink = await host.writer.createSink(path, {
    mode: 0o755,
    replace: true,
  });
  const program = await host.reader.realPath(pack.builder);
  const directory = await host.writer.makeTemporaryDirectory("flavor-build-");
  await using cleanup = new AsyncDisposableStack();
  cleanup.defer(() => host.writer.remove(directory));
  const { prepared, ...inputs } = await writeBuilderInputs(
    plan,
    directory,
    build,
    host.writer,
  );
  const written = join(directory, "package.psp");
  const said = await runBuilder({
    program,
    ...inputs,
    output: written,
    launcher: pack.launcherPath,
    logLevel: pack.logLevel,
    directory,
    sourceDateEpoch: build.sourceDateEpoch ?? 0,
  }, host);
  if (said !== "") output.debug(said);

  await using source = await host.reader.openSource(written);
  const trustedKeys = [build.keyPair.publicKey];
  const { checks } = await verifyFile(
    source,
    { level: "standard", trustedKeys },
    output,
  );
  const failed = checks.find(({ status }) => status === "fail");
  if (failed !== undefined) {
    throw new PspfError(
      "build/verification-failed",
      `The builder "${pack.builder}" wrote a package that does not verify: ${failed.detail}`,
      {
        context: { check: failed.id, code: failed.code ?? null },
        hint: "Leave --builder-bin out to build with this program itself",
      },
    );
  }
  const opened = await openPackage(source, { trustedKeys });
  await checkBuilt(opened, plan, prepared, build.launcher);
  for await (const chunk of source.stream(0, source.size)) {
    await sink.write(chunk);
  }
  await sink.commit();
  const { index } = opened;
  return {
    ...prepared.report,
    packageSize: source.size,
    warnings: [
      ...prepared.report.warnings,
      ...(plan.custom === undefined
        ? []
        : ["custom is left out: native builders do not know it"]),
    ],
    metadataSize: index.metadata.size,
    metadataDigest: encodeHex(index.fields.metadataDigest),
    slots: prepared.report.slots.map((slot, at) => ({
      ...slot,
      offset: opened.slots[at]?.offset ?? 0,
    })),
  };
}
