import { formatCount } from "../../bytes/text.ts";
import { findSbom, sbomSlot } from "../../read/find_sbom.ts";
import type { OpenedPackage } from "../../read/open_package.ts";
import { disclosure, h, some, table } from "./dom.ts";
import type { Opened } from "./packages.ts";

/** What is read of a component; nothing is promised about any of it. */
interface Component {
  readonly name?: unknown;
  readonly version?: unknown;
  readonly purl?: unknown;
  readonly licenses?: unknown;
}

/** The components that a package says it is made of; nothing where it does not. */
export function showSbom(
  _opened: Opened,
  parts: OpenedPackage,
): Node | undefined {
  if (sbomSlot(parts.slots) === undefined) return undefined;
  return h(
    "section",
    {},
    h("h2", {}, "Components"),
    disclosure("What it says it is made of (CycloneDX)", async () => {
      const sbom = await findSbom(parts);
      if (sbom === undefined) {
        return h("p", {}, "That slot holds no CycloneDX document.");
      }
      const { components } = JSON.parse(sbom.json) as {
        readonly components?: unknown;
      };
      const list = Array.isArray(components) ? components as Component[] : [];
      return [
        h("p", { class: "faint" }, formatCount(list.length, "component")),
        some(list, (shown) =>
          table(
            "Components",
            ["Name", "Version", "Licence", "Package URL"],
            shown.map(({ name, version, licenses, purl }) => [
              textOf(name),
              textOf(version),
              licenceOf(licenses),
              h("code", {}, textOf(purl)),
            ]),
          )),
      ];
    }),
  );
}

function textOf(value: unknown): string {
  return typeof value === "string" ? value : "";
}

function licenceOf(licenses: unknown): string {
  if (!Array.isArray(licenses)) return "";
  return licenses.map((one) =>
    textOf(one?.expression) || textOf(one?.license?.id) ||
    textOf(one?.license?.name)
  ).filter((text) => text !== "").join(", ");
}
