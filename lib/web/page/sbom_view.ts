import { formatCount } from "../../bytes/text.ts";
import {
  componentsOf,
  findSbom,
  findSbomSlot,
  licencesOf,
} from "../../read/find_sbom.ts";
import type { OpenedPackage } from "../../read/open_package.ts";
import { disclosure, h, some, table } from "./dom.ts";
import type { Opened } from "./packages.ts";

/** The components that a package says it is made of; nothing where it does not. */
export function showSbom(
  _opened: Opened,
  parts: OpenedPackage,
): Node | undefined {
  if (findSbomSlot(parts) === undefined) return undefined;
  return h(
    "section",
    {},
    h("h2", {}, "Components"),
    disclosure("What it says it is made of (CycloneDX)", async () => {
      const sbom = await findSbom(parts);
      if (sbom === undefined) {
        return h("p", {}, "That slot holds no CycloneDX document.");
      }
      const list = componentsOf(sbom.document);
      return [
        h("p", { class: "faint" }, formatCount(list.length, "component")),
        some(list, (shown) =>
          table(
            "Components",
            ["Name", "Version", "Licence", "Package URL"],
            shown.map((component) => [
              textOf(component.name),
              textOf(component.version),
              licencesOf(component),
              h("code", {}, textOf(component.purl)),
            ]),
          )),
      ];
    }),
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}
