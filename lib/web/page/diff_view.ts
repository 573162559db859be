import { formatCount, formatSize } from "../../bytes/text.ts";
import { BlobSource } from "../../io/blob_source.ts";
import type { JsonValue } from "../../errors.ts";
import {
  type Change,
  type ChangedPart,
  comparePackages,
} from "../../read/compare_packages.ts";
import { openPackage } from "../../read/open_package.ts";
import { changesJson } from "../../read/package_json.ts";
import {
  announce,
  type Child,
  disclosure,
  failure,
  fill,
  h,
  some,
  table,
} from "./dom.ts";
import {
  type Catalog,
  diffLink,
  type Opened,
  openListed,
  packageLink,
} from "./packages.ts";

/** A comparison as the API and the command line write it. */
interface Changes {
  readonly same: boolean;
  readonly facts: readonly Change[];
  readonly slots: readonly (ChangedPart & {
    readonly files: readonly ChangedPart[];
  })[];
}

/** Compares two packages on a page of their own. */
export async function showDiff(
  page: HTMLElement,
  before: Opened,
  after: Opened,
): Promise<void> {
  document.title = `${before.name} and ${after.name}`;
  const place = h("div", { "aria-busy": "true" });
  fill(
    page,
    h("h1", {}, "What changed"),
    h("p", {}, "From ", nameOf(before), " to ", nameOf(after)),
    place,
  );
  await showChanges(place, before, after, "h2");
}

function nameOf({ name, isLocal }: Opened): Child {
  return isLocal
    ? h("strong", {}, name)
    : h("a", { href: packageLink(name) }, name);
}

/** Chooses what to compare a package with: another one of the server, or a file. */
export function compareForm(
  opened: Opened,
  { packages }: Catalog,
): HTMLElement {
  const place = h("div");
  const others = packages.filter(({ file }) =>
    opened.isLocal || file !== opened.name
  );
  const select = h(
    "select",
    { id: "other" },
    h("option", { value: "" }, "Choose a package"),
    others.map((one) =>
      h(
        "option",
        { value: one.file },
        "name" in one ? `${one.name} ${one.version} (${one.file})` : one.file,
      )
    ),
  );
  const compare = async (open: () => Promise<Opened>): Promise<void> => {
    fill(place, h("p", { class: "faint" }, "Comparing…"));
    try {
      await showChanges(place, await open(), opened, "h3");
    } catch (error) {
      fill(place, failure(error));
    }
  };
  select.addEventListener("change", () => {
    if (select.value === "") return fill(place), undefined;
    if (!opened.isLocal) {
      history.replaceState(null, "", diffLink(select.value, opened.name));
    }
    void compare(() => openListed(select.value));
  });
  const input = h("input", {
    type: "file",
    "aria-label": "A file to compare with",
  });
  input.addEventListener("change", () => {
    const file = input.files?.[0];
    if (file === undefined) return;
    void compare(() =>
      Promise.resolve({
        name: file.name,
        source: new BlobSource(file),
        isLocal: true,
      })
    );
  });
  return h(
    "div",
    {},
    h(
      "p",
      { class: "choice" },
      h("label", { for: "other" }, "What changed since"),
      others.length === 0 ? undefined : select,
      h(
        "label",
        {},
        others.length === 0 ? "this file" : "or this file",
        " ",
        input,
      ),
    ),
    place,
  );
}

async function showChanges(
  place: HTMLElement,
  before: Opened,
  after: Opened,
  heading: "h2" | "h3",
): Promise<void> {
  fill(place, h("p", { class: "faint" }, "Comparing…"));
  const changes = await compare(before, after);
  place.removeAttribute("aria-busy");
  const { same, facts, slots } = changes;
  if (same) {
    fill(place, h("p", { class: "word good" }, "They are the same"));
    announce("The packages are the same");
    return;
  }
  fill(
    place,
    slots.map((slot) =>
      h(
        "section",
        { class: "change" },
        h(
          heading,
          {},
          "Slot ",
          h("code", {}, slot.name),
          " ",
          mark(slot.status),
        ),
        changeTable(`Slot ${slot.name}`, slot.changes),
        slot.files.length === 0 ? undefined : disclosure(
          `${formatCount(slot.files.length, "file")} changed`,
          () => some(slot.files, fileTable),
          { open: slot.files.length <= 50 },
        ),
      )
    ),
    facts.length === 0 ? undefined : h(
      "section",
      { class: "change" },
      h(heading, {}, "The package itself"),
      changeTable("The package itself", facts),
    ),
  );
  announce(`${formatCount(slots.length, "slot")} changed`);
}

async function compare(before: Opened, after: Opened): Promise<Changes> {
  const packages = await Promise.all(
    [before, after].map(({ source }) =>
      openPackage(source, { level: "relaxed" })
    ),
  );
  const [first, second] = packages;
  if (first === undefined || second === undefined) {
    throw new TypeError("two packages");
  }
  const changes = await comparePackages(first, second);
  return changesJson(before.name, after.name, changes) as unknown as Changes;
}

const MARKS = {
  added: ["added", "good"],
  removed: ["removed", "bad"],
  changed: ["changed", "warning"],
} as const;

function mark(status: ChangedPart["status"]): Node {
  const [word, tone] = MARKS[status];
  return h("span", { class: `status ${tone}` }, word);
}

function changeTable(caption: string, changes: readonly Change[]): Child {
  if (changes.length === 0) return undefined;
  return some(changes, (shown) =>
    table(
      caption,
      ["What", "Before", "After"],
      shown.map(({ key, before, after }) => [key, value(before), value(after)]),
    ));
}

function fileTable(files: readonly ChangedPart[]): Child {
  return table(
    "Files",
    ["", "File", "What"],
    files.map(({ name, status, changes }) => [
      mark(status),
      h("code", {}, name),
      changes.length === 1 && changes[0]?.key === "sha256"
        ? "other content"
        : changes.filter(({ key }) => key !== "sha256").map((change) =>
          h("div", {}, `${change.key}: `, changeText(change))
        ),
    ]),
  );
}

function changeText({ key, before, after }: Change): Child {
  if (
    key !== "size" || typeof before !== "number" || typeof after !== "number"
  ) return [value(before), " to ", value(after)];
  const more = after - before;
  return `${formatSize(after)} (${more < 0 ? "−" : "+"}${
    formatSize(Math.abs(more))
  })`;
}

function value(of: JsonValue | undefined): Node {
  return of === undefined || of === null
    ? h("span", { class: "faint" }, "none")
    : h("code", {}, typeof of === "string" ? of : JSON.stringify(of));
}
