import { dirname } from "@std/path";

import { PspfError } from "../../errors.ts";
import { extractSlot, streamSlot } from "../../read/slot_content.ts";
import type { OpenedPackage, PackageSlot } from "../../read/mod.ts";
import { openPackage } from "../../read/open_package.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { storedSize } from "../package_file.ts";
import {
  checkStandardOutput,
  STANDARD_OUTPUT,
  writeStandardOutput,
} from "../standard_output.ts";
import { formatCount, formatSize } from "../text.ts";

/** `flavor extract`: one slot, complete and checked, or nothing. */
export async function runExtract(
  command: CommandOf<"extract">,
  context: CommandContext,
): Promise<void> {
  const { host, output } = context;
  const { package: path, slot: reference, output: target } = command.operands;
  const { raw } = command.flags;
  const isPiped = target === STANDARD_OUTPUT;
  if (isPiped) checkStandardOutput("A slot", context);
  await using source = await host.reader.openSource(path);
  const opened = await openPackage(source);
  const slot = findSlot(opened, reference);
  output.debug(
    `slot ${slot.index} is "${slot.id}", ${
      formatCount(slot.size, "byte")
    } stored as ${slot.operations}`,
  );
  if (isPiped) {
    // Who reads a pipe cannot take back what turns out to be wrong at its end.
    using bar = output.progress("checking", slot.size);
    const stored = { raw: true, onProgress: bar.add };
    await streamSlot(opened, slot, stored).pipeTo(new WritableStream());
    bar[Symbol.dispose]();
    const decoded = streamSlot(opened, slot, { raw });
    return await writeStandardOutput(decoded, context);
  }
  if (slot.operations.isArchive && !raw) {
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
  await extractSlot(opened, slot, draft.target, { onProgress: bar.add });
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
  const stream = streamSlot(opened, slot, {
    raw: flags.raw,
    onProgress: bar.add,
  });
  for await (const chunk of stream) await sink.write(chunk);
  await sink.commit();
}

/**
 * `flavor extract-all`: the layout that the application sees, or with `--raw`
 * the stored bytes; complete and checked, or nothing.
 */
export async function runExtractAll(
  command: CommandOf<"extract-all">,
  { host, output }: CommandContext,
): Promise<void> {
  const { package: path, output: directory } = command.operands;
  const { force, raw } = command.flags;
  await using source = await host.reader.openSource(path);
  const opened = await openPackage(source);
  const { slots, metadataJson } = opened;
  await using draft = await host.writer.createDirectory(directory, force);
  using bar = output.progress("extracting", storedSize(opened));
  const onProgress = bar.add;
  for (const slot of slots) {
    output.debug(
      `slot ${slot.index} ("${slot.id}", ${
        formatCount(slot.size, "byte")
      } stored)`,
    );
    if (raw) {
      const stored = streamSlot(opened, slot, { raw, onProgress });
      await draft.target.file(rawName(slot), 0o644, slot.size, stored);
    } else {
      await extractSlot(opened, slot, draft.target, { onProgress });
    }
  }
  if (raw) {
    const json = ReadableStream.from([metadataJson]);
    const size = metadataJson.length;
    await draft.target.file("metadata.json", 0o644, size, json);
  }
  await draft.target.finish();
  await draft.commit();
  output.report(
    { package: path, output: directory, slots: slots.length },
    () => `${formatCount(slots.length, "slot")} -> ${directory}`,
  );
}

/** An id is never a path: what could be one is replaced. */
function rawName(slot: PackageSlot): string {
  const number = String(slot.index).padStart(2, "0");
  const id = slot.id.replaceAll(/[^A-Za-z0-9_-]+/g, "_").slice(0, 100);
  const chain = slot.operations.toString();
  return `${number}_${id}${/^(|raw|none)$/.test(chain) ? "" : `.${chain}`}`;
}
