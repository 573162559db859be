import { dirname } from "@std/path";
import { PspfError } from "../../errors.ts";
import { openPackage } from "../../read/open_package.ts";
import type { PackageFile } from "../../registry/package_manifest.ts";
import { pullPackage } from "../../registry/pull_package.ts";
import {
  type PushedPiece,
  pushPackages,
  type PushReport,
} from "../../registry/push_package.ts";
import {
  formatReference,
  parseReference,
  parseRepository,
} from "../../registry/reference.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { nameFor } from "../open_input.ts";
import { openRegistry, registryOptions } from "../open_registry.ts";
import { checkValid, readTrustedKeys, verifyFile } from "../package_file.ts";
import { formatCount, formatSize, formatTable, visibleText } from "../text.ts";

/** `flavor push`: verifies packages and sends what the registry lacks. */
export async function runPush(
  command: CommandOf<"push">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { flags, operands } = command;
  const paths = operands.packages.slice(0, -1);
  if (paths.length === 0) {
    throw new PspfError(
      "usage/bad-argument",
      '"flavor push" needs a package and where it goes',
      { hint: "Write: flavor push app.psp HOST/REPOSITORY:TAG" },
    );
  }
  const reference = parseReference(operands.packages.at(-1) ?? "");
  const mountFrom = flags["mount-from"].map((text) =>
    parseRepository(text, reference.registry)
  );
  const trustedKeys = await readTrustedKeys(flags["trusted-key"], host.reader);
  await using stack = new AsyncDisposableStack();
  const packages: PackageFile[] = [];
  for (const path of paths) {
    const file = stack.use(await host.reader.openSource(path));
    const options = { level: "standard", trustedKeys } as const;
    checkValid(path, "pushed", await verifyFile(file, options, output));
    packages.push({ file, opened: await openPackage(file, options) });
  }
  const size = packages.reduce((sum, { file }) => sum + file.size, 0);
  using bar = output.progress("pushing", 2 * size);
  const report = await pushPackages(packages, reference, {
    ...registryOptions(flags, context),
    mountFrom,
    onProgress: bar.add,
  });
  bar[Symbol.dispose]();
  output.report(
    pushJson(report),
    () => pushText(report, formatReference(reference, reference.version)),
  );
}

function pushJson({ reference, digest, packages }: PushReport): {
  readonly [key: string]: never;
} {
  const value = { reference, digest, packages };
  return JSON.parse(JSON.stringify(value));
}

function pushText({ packages, digest }: PushReport, name: string): string {
  const rows = packages.flatMap(({ platform, pieces }) =>
    pieces.map((piece) => [
      ...(packages.length > 1 ? [platform ?? ""] : []),
      piece.id === undefined ? piece.kind : `${piece.kind} ${piece.id}`,
      formatSize(piece.size),
      OUTCOMES[piece.outcome],
    ])
  );
  const all = packages.flatMap(({ pieces }) => pieces);
  const sent = all.filter(({ outcome }) => outcome === "sent");
  const sizeOf = (some: readonly PushedPiece[]): string =>
    formatSize(some.reduce((sum, { size }) => sum + size, 0));
  return [
    formatTable(rows),
    "",
    `${name} is ${digest}: ${sizeOf(sent)} of ${sizeOf(all)} sent, ${
      formatCount(packages.length, "package")
    }`,
  ].join("\n");
}

const OUTCOMES = {
  exists: "there already",
  mounted: "mounted",
  sent: "sent",
} as const;

/** `flavor pull`: the file that was pushed, verified before it gets its name. */
export async function runPull(
  command: CommandOf<"pull">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { flags, operands: { reference: text } } = command;
  const reference = parseReference(text);
  const trustedKeys = await readTrustedKeys(flags["trusted-key"], host.reader);
  const location = formatReference(reference, reference.version);
  const path = flags.output ?? `${nameFor(location, "package")}.psp`;
  await host.writer.makeDirectory(dirname(host.reader.absolute(path)));
  await using sink = await host.writer.createSink(path, {
    mode: 0o755,
    replace: flags.force,
  });
  await using source = await openRegistry(
    location,
    flags,
    context,
    flags.target,
  );
  const options = { level: "standard", trustedKeys } as const;
  // A key that is not trusted is found before anything is fetched.
  const { metadata } = await openPackage(source, options);
  {
    using bar = output.progress("pulling", source.size);
    await pullPackage(source, sink, bar.add);
  }
  {
    await using written = await sink.reopen();
    checkValid(path, "kept", await verifyFile(written, options, output));
  }
  await sink.commit();
  const { digest, size } = source.stored;
  const { name, version } = metadata.package;
  output.report(
    { package: path, reference: formatReference(reference, digest), size },
    () =>
      visibleText(
        `${name} ${version} (${formatSize(size)}, ${digest}) -> ${path}`,
      ),
  );
}
