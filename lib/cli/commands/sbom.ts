import { PspfError } from "../../errors.ts";
import { collectBytes } from "../../io/collect_bytes.ts";
import { toSpdx } from "../../project/sbom.ts";
import { openPackage } from "../../read/open_package.ts";
import { streamSlot } from "../../read/slot_content.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";

const MAX_SIZE = 256 * 1024 * 1024;

/** `flavor sbom`: the signed document, or the same in another format. */
export async function runSbom(
  { operands: { package: path }, flags: { format } }: CommandOf<"sbom">,
  { host, output }: CommandContext,
): Promise<void> {
  await using source = await host.reader.openSource(path);
  const opened = await openPackage(source);
  const slot = opened.slots.find(({ metadata }) => metadata.purpose === "sbom");
  if (slot === undefined) {
    throw new PspfError(
      "io/not-found",
      `"${path}" carries no list of what it is made of`,
      {
        context: { path },
        hint:
          'Packages of projects carry one; a manifest names one with purpose = "sbom"',
      },
    );
  }
  const bytes = await collectBytes(streamSlot(opened, slot), {
    maxSize: MAX_SIZE,
    what: "list of components",
    code: "format/too-large",
  });
  const document = JSON.parse(new TextDecoder().decode(bytes));
  const shown = format === "spdx" ? toSpdx(document) : document;
  output.result(shown, () => JSON.stringify(shown, null, 2));
}
