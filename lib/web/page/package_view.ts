import { formatSize } from "../../bytes/text.ts";
import type { JsonValue } from "../../errors.ts";
import type { StringMap } from "../../format/metadata.ts";
import { inspectPackage } from "../../read/inspect_package.ts";
import type { PackageSummary } from "../../read/inspect_package.ts";
import { type OpenedPackage, openPackage } from "../../read/open_package.ts";
import { announce, disclosure, facts, fill, h, table } from "./dom.ts";
import { compareForm } from "./diff_view.ts";
import { showFiles } from "./files_view.ts";
import {
  type Catalog,
  type Opened,
  packagePath,
  readCatalog,
} from "./packages.ts";
import { showSbom } from "./sbom_view.ts";
import { startVerdict } from "./verdict_view.ts";

/** Everything about one package. */
export async function showPackage(
  page: HTMLElement,
  opened: Opened,
): Promise<void> {
  const { name, source, isLocal } = opened;
  document.title = name;
  const catalog = await readCatalog().catch((): Catalog => ({
    packages: [],
    trusted_keys: null,
  }));
  const verdict = h("section", { class: "verdict", "aria-label": "Verdict" });
  let summary: PackageSummary;
  let parts: OpenedPackage;
  try {
    summary = await inspectPackage(source, { level: "relaxed" });
    parts = await openPackage(source, { level: "relaxed" });
  } catch {
    // The verdict has a name for what is wrong.
    fill(page, heading(name, undefined, isLocal), verdict);
    await startVerdict(verdict, opened, catalog.trusted_keys);
    return;
  }
  const { package: { name: title, version, description } } = summary;
  document.title = `${title} ${version}`;
  fill(
    page,
    heading(`${title} ${version}`, description, isLocal),
    verdict,
    factsOf(summary, opened),
    section("What is inside", sizeBar(summary), slotTable(summary)),
    section("Files", parts.slots.map((slot) => showFiles(parts, slot))),
    section("What a start runs", startOf(parts)),
    showSbom(opened, parts),
    section("Compare", compareForm(opened, catalog)),
    section(
      "Signed metadata",
      disclosure(
        `${formatSize(parts.metadataJson.length)} of JSON, exactly as signed`,
        () => h("pre", { tabindex: "0" }, indented(parts.metadataJson)),
      ),
    ),
  );
  announce(`${title} ${version} is shown; verifying`);
  await startVerdict(verdict, opened, catalog.trusted_keys);
}

function heading(
  title: string,
  description: string | undefined,
  isLocal: boolean,
): HTMLElement {
  return h(
    "div",
    { class: "heading" },
    h("h1", {}, title),
    description === undefined ? undefined : h("p", {}, description),
    isLocal
      ? h("p", { class: "faint" }, "A file of this machine; it stays here.")
      : undefined,
  );
}

function section(title: string, ...children: readonly (Node | Node[])[]): Node {
  return h("section", {}, h("h2", {}, title), children);
}

function factsOf(summary: PackageSummary, { name, isLocal }: Opened): Node {
  return facts([
    [
      "File",
      isLocal
        ? name
        : h("a", { href: packagePath(name), download: name }, name),
    ],
    ["Size", formatSize(summary.size)],
    ["Built by", summary.builder],
    ["Built", builtAt(summary.timestamp)],
    ["Launcher", summary.launcher],
    ["Identity", h("code", { class: "key" }, summary.metadataSha256)],
  ]);
}

/** A reproducible build has no time of its own, and writes the earliest there is. */
function builtAt(timestamp: string | undefined): string | undefined {
  return timestamp === undefined || Date.parse(timestamp) === 0
    ? undefined
    : timestamp;
}

/** A part of the file, as far as sizes go. */
interface Part {
  readonly label: string;
  readonly size: number;
}

function partsOf(summary: PackageSummary): readonly Part[] {
  const { slots, launcherSize, metadataSize, size } = summary;
  const named = [
    { label: "launcher", size: launcherSize },
    ...slots.map((slot) => ({ label: slot.id, size: slot.size })),
    { label: "metadata", size: metadataSize.stored },
  ];
  const rest = named.reduce((left, part) => left - part.size, size);
  return [...named, { label: "index and padding", size: rest }];
}

/** The file as a bar; what it says stands in the table below, too. */
function sizeBar(summary: PackageSummary): HTMLElement {
  const bar = h("div", { class: "bar", "aria-hidden": "true" });
  partsOf(summary).forEach(({ label, size }, index) => {
    const part = h("span", {
      class: `part${index % 6}`,
      title: `${label}: ${formatSize(size)}`,
    });
    part.style.flexGrow = String(size);
    bar.append(part);
  });
  return bar;
}

function slotTable(summary: PackageSummary): HTMLElement {
  const { slots } = summary;
  const share = (size: number): string =>
    `${(size / summary.size * 100).toFixed(1)} %`;
  return table(
    "Parts of the file",
    ["Part", "Stored", "Share", "Content", "Encoding", "Extracted", "To"],
    partsOf(summary).map(({ label, size }, index) => {
      const slot = slots[index - 1];
      return [
        [
          h("span", { class: `dot part${index % 6}`, "aria-hidden": "true" }),
          label,
        ],
        formatSize(size),
        share(size),
        ...(slot === undefined ? ["", "", "", ""] : [
          formatSize(slot.originalSize),
          slot.operations === "" ? "raw" : slot.operations,
          slot.lifecycle,
          h("code", {}, slot.target),
        ]),
      ];
    }),
    [1, 2, 3],
  );
}

/** What a launcher would do, in its order; placeholders are shown as they are. */
function startOf({ metadata, slots }: OpenedPackage): Node[] {
  const { execution, runtime, workenv, setupCommands } = metadata;
  const { argv, args = [], command, cwd, primarySlot } = execution;
  const env = runtime?.env;
  return [
    facts([
      ["Command", code(argv?.map(quoted).join(" ") ?? command)],
      [
        "Arguments before the user's",
        args.length === 0 ? undefined : code(args.map(quoted).join(" ")),
      ],
      ["Directory", cwd === undefined ? "the caller's" : code(cwd)],
      [
        "{primary} is",
        `${command} ${argv?.join(" ")}`.includes("{primary}")
          ? slots[primarySlot]?.id
          : undefined,
      ],
      [
        "Once after extraction",
        setupCommands.length === 0
          ? undefined
          : setupCommands.map((one) => h("div", {}, code(setupText(one)))),
      ],
      [
        "Directories made",
        workenv === undefined ||
          workenv.directories.length === 0
          ? undefined
          : workenv.directories.map(({ path }) => h("div", {}, code(path))),
      ],
    ]),
    environmentTable([
      ...(env?.pass ?? []).map((name) => [name, "kept, others are not", ""]),
      ...(env?.unset ?? []).map((name) => [name, "removed", ""]),
      ...pairs(env?.map).map(([name, to]) => [name, "becomes", to]),
      ...pairs(env?.set).map(([name, value]) => [name, "set to", value]),
      ...pairs(workenv?.env).map(([name, value]) => [name, "set to", value]),
      ...pairs(execution.env).map(([name, value]) => [name, "set to", value]),
    ]),
  ];
}

function environmentTable(rows: readonly (readonly string[])[]): Node {
  if (rows.length === 0) {
    return h("p", { class: "faint" }, "The environment is the caller's.");
  }
  return table(
    "Environment",
    ["Variable", "", "Value"],
    rows.map((
      [name = "", verb = "", value = ""],
    ) => [code(name), verb, code(value)]),
  );
}

function pairs(
  map: StringMap | undefined,
): readonly (readonly [string, string])[] {
  return Object.entries(map ?? {});
}

function code(text: string): Node {
  return h("code", {}, text);
}

/** A word as one would type it. */
function quoted(word: string): string {
  return /^[\w@%+=:,./{}-]+$/.test(word)
    ? word
    : `'${word.replaceAll("'", "'\\''")}'`;
}

function setupText(command: JsonValue): string {
  return typeof command === "string" ? command : JSON.stringify(command);
}

function indented(json: Uint8Array): string {
  const text = new TextDecoder().decode(json);
  return JSON.stringify(JSON.parse(text), null, 2);
}
