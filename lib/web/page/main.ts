/// <reference lib="dom" />
import { BlobSource } from "../../io/blob_source.ts";
import { announce, failure, fill, h } from "./dom.ts";
import { showDiff } from "./diff_view.ts";
import { showList } from "./list_view.ts";
import { showPackage } from "./package_view.ts";
import { type Opened, openListed, readCatalog } from "./packages.ts";

/** What `?package=` and `?before=…&after=…` ask for; the list without them. */
async function showAddress(page: HTMLElement): Promise<void> {
  const query = new URLSearchParams(location.search);
  const [before, after] = [query.get("before"), query.get("after")];
  const name = query.get("package");
  if (before !== null && after !== null) {
    const both = await Promise.all([openListed(before), openListed(after)]);
    await showDiff(page, ...both);
  } else if (name !== null) {
    await showPackage(page, await openListed(name));
  } else {
    showList(page, await readCatalog());
  }
}

/** Shows files of this machine; no byte of them goes anywhere. */
async function showFiles(
  page: HTMLElement,
  files: readonly File[],
): Promise<void> {
  const [first, second] = files.map((file): Opened => ({
    name: file.name,
    source: new BlobSource(file),
    isLocal: true,
  }));
  if (first === undefined) return;
  if (second === undefined) await showPackage(page, first);
  else await showDiff(page, first, second);
  page.focus();
}

function start(page: HTMLElement): void {
  let turn = 0;
  const show = async (what: () => Promise<void>): Promise<void> => {
    const mine = ++turn;
    fill(page, h("p", { class: "faint" }, "Reading…"));
    try {
      await what();
    } catch (error) {
      // What nobody waits for any more has nothing to say.
      if (mine !== turn) return;
      document.title = "Problem";
      fill(page, failure(error));
      announce("That did not work");
    }
  };
  const take = (files: FileList | undefined | null): void => {
    if (files === undefined || files === null || files.length === 0) return;
    void show(() => showFiles(page, [...files]));
  };
  const input = document.querySelector<HTMLInputElement>("#file");
  input?.addEventListener("change", () => {
    take(input.files);
    input.value = "";
  });
  const { body } = document;
  addEventListener("dragover", (event) => {
    event.preventDefault();
    body.classList.add("dropping");
  });
  addEventListener("dragleave", (event) => {
    if (event.relatedTarget === null) body.classList.remove("dropping");
  });
  addEventListener("drop", (event) => {
    event.preventDefault();
    body.classList.remove("dropping");
    take(event.dataTransfer?.files);
  });
  void show(() => showAddress(page));
}

const page = document.getElementById("page");
if (page !== null) start(page);
