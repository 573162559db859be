import { PspfError } from "../../errors.ts";
import { toSpdx } from "../../project/sbom.ts";
import { findSbom } from "../../read/find_sbom.ts";
import { openPackage } from "../../read/open_package.ts";
import type { CommandContext, CommandOf } from "../command_spec.ts";
import { openInput } from "../open_input.ts";

/** `flavor sbom`: the signed document, or the same in another format. */
export async function runSbom(
  { operands: { package: path }, flags }: CommandOf<"sbom">,
  context: CommandContext,
): Promise<void> {
  await using source = await openInput(path, flags, context);
  const sbom = await findSbom(await openPackage(source));
  if (sbom === undefined) {
    throw new PspfError(
      "io/not-found",
      `"${source.name}" contains no SBOM`,
      {
        context: { path: source.name },
        hint:
          'Packages of projects carry one; a manifest names a CycloneDX document with purpose = "sbom"',
      },
    );
  }
  const shown = flags.format === "spdx"
    ? toSpdx(sbom.document)
    : JSON.parse(sbom.json);
  context.output.result(shown, () => JSON.stringify(shown, null, 2));
}
