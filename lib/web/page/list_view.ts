import { formatSize } from "../../bytes/text.ts";
import { facts, fill, h, table } from "./dom.ts";
import { type Catalog, packageLink } from "./packages.ts";

/** Everything that the server has. */
export function showList(page: HTMLElement, catalog: Catalog): void {
  document.title = "Packages";
  const { packages, trusted_keys: keys } = catalog;
  if (packages.length === 0) {
    fill(
      page,
      h("h1", {}, "No packages yet"),
      h(
        "p",
        {},
        "Pack something into the directory that is served, and load this page again. Or open a package of this machine: drop it here, or choose it above. It stays on this machine.",
      ),
    );
    return;
  }
  const filter = h("input", {
    type: "search",
    "aria-label": "Show only packages with",
    placeholder: "Filter",
  });
  const place = h("div");
  const draw = (): void => {
    const wanted = filter.value.trim().toLowerCase();
    const shown = packages.filter((one) =>
      [one.file, "name" in one ? `${one.name} ${one.version}` : ""].some(
        (text) => text.toLowerCase().includes(wanted),
      )
    );
    fill(
      place,
      shown.length === 0
        ? h("p", { class: "faint" }, "No package has that in its name.")
        : table(
          "Packages",
          ["Package", "Size", "Signed by", "Changed"],
          shown.map(listRow),
          [1],
        ),
    );
  };
  filter.addEventListener("input", draw);
  draw();
  fill(
    page,
    h(
      "div",
      { class: "beside" },
      h("h1", {}, "Packages"),
      packages.length > 5 ? filter : undefined,
    ),
    place,
    h(
      "p",
      { class: "faint" },
      "Drop a package anywhere on this page to look into it, or two to compare them. They stay on this machine.",
    ),
    keys === null ? undefined : facts([[
      keys.length === 1 ? "Trusted key" : "Trusted keys",
      keys.map((key) => h("code", { class: "key" }, key)),
    ]]),
  );
}

function listRow(one: Catalog["packages"][number]): readonly (Node | string)[] {
  const changed = one.modified?.slice(0, 10) ?? "";
  const link = (label: string): Node =>
    h("a", { href: packageLink(one.file) }, label);
  if ("problem" in one) {
    const { title } = one.problem as { readonly title: string };
    return [
      h("div", {}, link(one.file), h("small", { class: "bad" }, title)),
      formatSize(one.size),
      "",
      changed,
    ];
  }
  const { name, version, file, fingerprint, signed, trusted, sealed } = one;
  return [
    h(
      "div",
      {},
      link(`${name} ${version}`),
      h("small", { class: "faint" }, file),
    ),
    formatSize(one.size),
    h(
      "div",
      {},
      h("code", { title: fingerprint }, fingerprint.slice(0, 16)),
      !signed
        ? h("small", { class: "bad" }, "the signature is wrong")
        : trusted === true
        ? h("small", { class: "good" }, "trusted")
        : trusted === false
        ? h("small", { class: "bad" }, "not trusted")
        : sealed
        ? undefined
        : h("small", { class: "warning" }, "no seal"),
    ),
    changed,
  ];
}
