import type { ExtractTarget } from "../../io/extract_target.ts";
import {
  extractSlot,
  type OpenedPackage,
  openPackage,
  type PackageSlot,
  streamSlot,
} from "../../read/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { formatCount } from "../format_count.ts";

/**
 * `flavor extract-all`: the layout that the application sees, or with `--raw`
 * the stored bytes; complete and checked, or nothing.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `io/exists`, `verify/*`, `archive/*`
 */
export async function runExtractAll(
  command: CommandOf<"extract-all">,
  { host, output }: CommandContext,
): Promise<void> {
  const { package: path, output: directory } = command.operands;
  const { force, raw } = command.flags;
  await using source = await host.reader.openSource(path);
  const opened = await openPackage(source);
  await using draft = await host.writer.createDirectory(directory, force);
  using bar = output.progress(
    "extracting",
    opened.slots.reduce((sum, { size }) => sum + size, 0),
  );
  let done = 0;
  const onProgress = (bytes: number): void => bar.update(done += bytes);
  for (const slot of opened.slots) {
    if (raw) {
      await draft.target.file(
        rawName(slot),
        0o644,
        slot.size,
        streamSlot(opened, slot, { raw, onProgress }),
      );
    } else {
      await extractSlot(opened, slot, draft.target, { onProgress });
    }
  }
  if (raw) await writeMetadata(opened, draft.target);
  await draft.target.finish();
  await draft.commit();
  output.report(
    { package: path, output: directory, slots: opened.slots.length },
    () => `${formatCount(opened.slots.length, "slot")} -> ${directory}`,
  );
}

/** An id is never a path: what could be one is replaced. */
function rawName(slot: PackageSlot): string {
  const number = String(slot.index).padStart(2, "0");
  const id = slot.id.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, 100);
  const chain = slot.operations.toString();
  return `${number}_${id}${/^(|raw|none)$/.test(chain) ? "" : `.${chain}`}`;
}

async function writeMetadata(
  opened: OpenedPackage,
  target: ExtractTarget,
): Promise<void> {
  const { metadataJson } = opened;
  const stream = ReadableStream.from([metadataJson]);
  await target.file("metadata.json", 0o644, metadataJson.length, stream);
}
