import { formatCount, formatSize, visibleText } from "../../bytes/text.ts";
import { formatPermissions } from "../../format/slot_words.ts";
import { collectBytes } from "../../io/collect_bytes.ts";
import { type ListedFile, ListingTarget } from "../../read/listed_files.ts";
import type { OpenedPackage } from "../../read/open_package.ts";
import type { PackageSlot } from "../../read/resolve_slots.ts";
import { extractSlot, isSelfReference } from "../../read/slot_content.ts";
import { openSlotFile } from "../../read/slot_file.ts";
import { button, type Child, disclosure, fill, h, some } from "./dom.ts";

const MAX_FILES = 500_000;

/** The files of one slot, read when somebody wants to see them. */
export function showFiles(
  parts: OpenedPackage,
  slot: PackageSlot,
): HTMLElement {
  const summary = [
    h("strong", {}, slot.id),
    h("span", { class: "faint" }, ` ${formatSize(slot.size)} stored`),
  ];
  return disclosure(summary, async () => {
    if (isSelfReference(slot)) {
      return h("p", {}, "This slot stands for the package itself.");
    }
    const target = new ListingTarget({ maxFiles: MAX_FILES });
    await extractSlot(parts, slot, target);
    return tree(target.files, (path) => openFile(parts, slot, path));
  });
}

type Open = (path: string) => Promise<Child>;

/** A directory on the way to being shown. */
interface Branch {
  readonly branches: Map<string, Branch>;
  readonly leaves: ListedFile[];
  size: number;
  count: number;
}

function tree(files: readonly ListedFile[], open?: Open): Child {
  const root = newBranch();
  for (const file of files) place(root, file);
  if (root.count === 0) return h("p", { class: "faint" }, "It is empty.");
  return [
    h(
      "p",
      { class: "faint" },
      `${formatCount(root.count, "file")}, ${formatSize(root.size)}`,
    ),
    branchList(root, open),
  ];
}

function newBranch(): Branch {
  return { branches: new Map(), leaves: [], size: 0, count: 0 };
}

function place(root: Branch, file: ListedFile): void {
  const names = file.path.split("/").filter((name) => name !== "");
  if (file.kind !== "directory") names.pop();
  const size = file.kind === "file" ? file.size : 0;
  const count = file.kind === "directory" ? 0 : 1;
  let at = root;
  at.size += size;
  at.count += count;
  for (const name of names) {
    let next = at.branches.get(name);
    if (next === undefined) at.branches.set(name, next = newBranch());
    at = next;
    at.size += size;
    at.count += count;
  }
  if (file.kind !== "directory") at.leaves.push(file);
}

function branchList(
  { branches, leaves }: Branch,
  open: Open | undefined,
): Child {
  const items = [
    ...[...branches].sort(([a], [b]) => a < b ? -1 : 1).map((branch) => ({
      branch,
    })),
    ...leaves.toSorted((a, b) => a.path < b.path ? -1 : 1).map((leaf) => ({
      leaf,
    })),
  ];
  return some(items, (shown) =>
    h(
      "ul",
      { class: "tree" },
      shown.map((item) =>
        h(
          "li",
          {},
          "branch" in item
            ? branchItem(item.branch, open)
            : leafItem(item.leaf, open),
        )
      ),
    ));
}

function branchItem(
  [name, branch]: readonly [string, Branch],
  open: Open | undefined,
): Child {
  return disclosure(
    row(
      `${name}/`,
      `${formatCount(branch.count, "file")}, ${formatSize(branch.size)}`,
    ),
    () => branchList(branch, open),
  );
}

function leafItem(file: ListedFile, open: Open | undefined): Child {
  const name = file.path.slice(file.path.lastIndexOf("/") + 1);
  if (file.kind === "link") return row(name, `→ ${file.target}`);
  if (file.kind === "directory") return row(name, "");
  const says = `${formatPermissions(file.mode)}  ${formatSize(file.size)}`;
  return open === undefined
    ? row(name, says)
    : disclosure(row(name, says), () => open(file.path), { class: "file" });
}

function row(name: string, says: string): Child {
  return [
    h("span", { class: "name" }, name),
    h("span", { class: "says" }, says),
  ];
}

/** Nobody reads more than this on a page. */
const PREVIEW_SIZE = 64 * 1024;
const MAX_SAVED = 1024 ** 3;

/** The beginning of a file, as text where it is some; and a way to keep it. */
async function openFile(
  parts: OpenedPackage,
  slot: PackageSlot,
  path: string,
): Promise<Child> {
  const { content } = await openSlotFile(parts, slot, path);
  const bytes = new Uint8Array(
    await collectBytes(content, {
      maxSize: MAX_SAVED,
      what: `file "${path}"`,
      code: "io/no-space",
    }),
  );
  const name = path.slice(path.lastIndexOf("/") + 1);
  const shown = bytes.subarray(0, PREVIEW_SIZE);
  const said = h("span", { class: "faint" });
  return [
    h(
      "p",
      {},
      button("Save", () => {
        // Never shown as what it says it is, only kept.
        const blob = new Blob([bytes], { type: "application/octet-stream" });
        const url = URL.createObjectURL(blob);
        h("a", { href: url, download: visibleText(name) }).click();
        setTimeout(() => URL.revokeObjectURL(url), 10_000);
        fill(said, " saved");
      }, { "aria-label": `Save ${name}` }),
      said,
    ),
    bytes.length === 0
      ? h("p", { class: "faint" }, "It is empty.")
      : h("pre", { tabindex: "0" }, preview(shown)),
    shown.length < bytes.length
      ? h(
        "p",
        { class: "faint" },
        `The first ${formatSize(shown.length)} of ${formatSize(bytes.length)}`,
      )
      : undefined,
  ];
}

/** Text as it is, with what would act on the page made visible; else hexadecimal. */
function preview(bytes: Uint8Array): Text {
  const isCut = bytes.length === PREVIEW_SIZE;
  try {
    const text = new TextDecoder("utf-8", { fatal: true })
      .decode(bytes, { stream: isCut });
    if (!text.includes("\0")) {
      return document.createTextNode(
        visibleText(
          text.replaceAll("\r\n", "\n").replaceAll("\t", "    "),
          true,
        ),
      );
    }
  } catch {
    // Not text.
  }
  return document.createTextNode(hexDump(bytes.subarray(0, 4096)));
}

function hexDump(bytes: Uint8Array): string {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; at += 16) {
    const part = bytes.subarray(at, at + 16);
    const digits = Array.from(
      part,
      (byte) => byte.toString(16).padStart(2, "0"),
    );
    const text = Array.from(
      part,
      (byte) => byte >= 0x20 && byte < 0x7f ? String.fromCharCode(byte) : ".",
    );
    lines.push(
      `${at.toString(16).padStart(8, "0")}  ${digits.join(" ").padEnd(47)}  ${
        text.join("")
      }`,
    );
  }
  return lines.join("\n");
}
