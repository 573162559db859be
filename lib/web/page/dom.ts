/// <reference lib="dom" />
/// <reference lib="dom.iterable" />
import { visibleText } from "../../bytes/text.ts";

/** What can stand in an element. Text is made visible, wherever it comes from. */
export type Child = Node | string | undefined | readonly Child[];

type Attributes = Readonly<Record<string, string | boolean | undefined>>;

/**
 * Makes an element. There is no other way here to put anything on the page, and
 * this one knows only text: what a package says can never become markup.
 */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Attributes = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (value === undefined || value === false) continue;
    element.setAttribute(name, value === true ? "" : value);
  }
  append(element, children);
  return element;
}

function append(element: Element, child: Child): void {
  if (child === undefined) return;
  if (typeof child === "string") element.append(visibleText(child));
  else if (child instanceof Node) element.append(child);
  else child.forEach((one) => append(element, one));
}

/** Replaces what stands in an element. */
export function fill<E extends Element>(
  element: E,
  ...children: readonly Child[]
): E {
  element.replaceChildren();
  append(element, children);
  return element;
}

/** A button that does something; what goes wrong is shown where it stands. */
export function button(
  label: string,
  act: () => void | Promise<void>,
  attributes: Attributes = {},
): HTMLButtonElement {
  const made = h("button", { type: "button", ...attributes }, label);
  made.addEventListener("click", () => void act());
  return made;
}

/** Something that is there when it is opened and costs nothing before. */
export function disclosure(
  summary: Child,
  body: () => Child | Promise<Child>,
  attributes: Attributes = {},
): HTMLDetailsElement {
  const place = h("div", { class: "body" });
  const made = h(
    "details",
    attributes,
    h("summary", {}, summary),
    place,
  );
  let asked = false;
  const ask = async (): Promise<void> => {
    if (asked || !made.open) return;
    asked = true;
    try {
      fill(place, await body());
    } catch (error) {
      fill(place, failure(error));
    }
  };
  made.addEventListener("toggle", () => void ask());
  void ask();
  return made;
}

/** Name and value, one row each; those without a value are left out. */
export function facts(
  rows: readonly (readonly [string, Child])[],
): HTMLElement {
  return h(
    "dl",
    {},
    rows.filter(([, value]) => value !== undefined).map(([name, value]) =>
      h("div", {}, h("dt", {}, name), h("dd", {}, value))
    ),
  );
}

/** A table, whose caption tells those who do not see it what it is. */
export function table(
  caption: string,
  head: readonly string[],
  rows: readonly (readonly Child[])[],
  numeric: readonly number[] = [],
): HTMLElement {
  const attributes = (column: number): Attributes =>
    numeric.includes(column) ? { class: "number" } : {};
  return h(
    "div",
    { class: "scroll", role: "region", "aria-label": caption, tabindex: "0" },
    h(
      "table",
      {},
      h("caption", { class: "unseen" }, caption),
      h(
        "thead",
        {},
        h(
          "tr",
          {},
          head.map((name, column) =>
            h("th", { scope: "col", ...attributes(column) }, name)
          ),
        ),
      ),
      h(
        "tbody",
        {},
        rows.map((row) =>
          h(
            "tr",
            {},
            row.map((cell, column) => h("td", attributes(column), cell)),
          )
        ),
      ),
    ),
  );
}

/** What went wrong, in words. */
export function failure(error: unknown): HTMLElement {
  const { message, hint } = error as {
    readonly message?: string;
    readonly hint?: string;
  };
  return h(
    "p",
    { class: "problem", role: "alert" },
    h("strong", {}, message ?? String(error)),
    hint === undefined ? undefined : ` ${hint}.`,
  );
}

/** Says something to those who do not see the page. */
export function announce(text: string): void {
  const status = document.getElementById("status");
  if (status !== null) fill(status, text);
}

/** How many rows are shown before somebody asks for more. */
const FIRST_ROWS = 500;

/** The first of many things, and a button for the next ones. */
export function some<Item>(
  items: readonly Item[],
  show: (items: readonly Item[]) => Child,
  start = 0,
): Child {
  const end = start + FIRST_ROWS;
  const shown = show(items.slice(start, end));
  if (items.length <= end) return shown;
  const left = items.length - end;
  const more = h("p");
  fill(
    more,
    button(`Show more (${left.toLocaleString("en")} left)`, () => {
      const next = h("div");
      more.replaceWith(fill(next, some(items, show, end)));
      next.querySelector<HTMLElement>("button, summary, a")?.focus();
    }),
  );
  return [shown, more];
}
