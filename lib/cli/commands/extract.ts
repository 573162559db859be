import { dirname } from "@std/path";

import { PspfError } from "../../errors.ts";
import {
  extractSlot,
  type OpenedPackage,
  openPackage,
  type PackageSlot,
  streamSlot,
} from "../../read/mod.ts";
import type { CommandOf } from "../command.ts";
import type { CommandContext } from "../command_context.ts";
import { formatSize } from "../format_size.ts";

/**
 * `flavor extract`: one slot, complete and checked, or nothing.
 *
 * @param command What was asked for.
 * @param context Host and output.
 * @throws {PspfError} `io/not-found`, `io/exists`, `verify/*`, `archive/*`
 */
export async function runExtract(
  command: CommandOf<"extract">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { package: path, slot: reference, output: target } = command.operands;
  await using source = await host.reader.openSource(path);
  const opened = await openPackage(source);
  const slot = findSlot(opened, reference);
  const isDirectory = slot.operations.isArchive && !command.flags.raw;
  if (isDirectory) {
    await extractDirectory(opened, slot, command, context);
  } else {
    await extractFile(opened, slot, command, context);
  }
  output.report(
    { package: path, slot: slot.index, id: slot.id, output: target },
    () =>
      `slot ${slot.index} ("${slot.id}", ${
        formatSize(slot.size)
      }) -> ${target}`,
  );
}

/** A number is an index; an id that looks like one can be had by its index. */
function findSlot(opened: OpenedPackage, reference: string): PackageSlot {
  const slot = /^[0-9]{1,5}$/.test(reference)
    ? opened.slots[Number(reference)]
    : opened.slots.find(({ id }) => id === reference);
  if (slot !== undefined) return slot;
  const ids = opened.slots.map(({ id, index }) => `${index} ${id}`);
  throw new PspfError("io/not-found", `There is no slot "${reference}"`, {
    context: { slot: reference, slots: ids },
    hint: ids.length === 0
      ? "The package has no slots"
      : `Slots: ${ids.join(", ")}`,
  });
}

async function extractDirectory(
  opened: OpenedPackage,
  slot: PackageSlot,
  { operands, flags }: CommandOf<"extract">,
  { host, output }: CommandContext,
): Promise<void> {
  await using draft = await host.writer.createDirectory(
    operands.output,
    flags.force,
  );
  using bar = output.progress("extracting", slot.size);
  let done = 0;
  await extractSlot(opened, slot, draft.target, {
    onProgress: (bytes) => bar.update(done += bytes),
  });
  await draft.target.finish();
  await draft.commit();
}

async function extractFile(
  opened: OpenedPackage,
  slot: PackageSlot,
  { operands, flags }: CommandOf<"extract">,
  { host, output }: CommandContext,
): Promise<void> {
  const { output: path } = operands;
  await host.writer.makeDirectory(dirname(host.reader.absolute(path)));
  await using sink = await host.writer.createSink(path, {
    mode: flags.raw ? 0o644 : slot.permissions,
    replace: flags.force,
  });
  using bar = output.progress("extracting", slot.size);
  let done = 0;
  const stream = streamSlot(opened, slot, {
    raw: flags.raw,
    onProgress: (bytes) => bar.update(done += bytes),
  });
  for await (const chunk of stream) await sink.write(chunk);
  await sink.commit();
}
