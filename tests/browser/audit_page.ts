import type { Page } from "./chromium.ts";

/** Roles that somebody does something with, and so has to be told what. */
const NAMED_ROLES: ReadonlySet<string> = new Set([
  "button",
  "combobox",
  "link",
  "progressbar",
  "region",
  "searchbox",
  "table",
  "textbox",
]);

interface Node {
  readonly ignored: boolean;
  readonly role?: { readonly value: string };
  readonly name?: { readonly value: string };
  readonly properties?: readonly {
    readonly name: string;
    readonly value: { readonly value: unknown };
  }[];
}

/**
 * Looks for what keeps people from using a page: things without a name, a
 * heading out of order, too little contrast, text that runs out of the window.
 */
export async function auditPage(page: Page): Promise<readonly string[]> {
  const { nodes }: { readonly nodes: readonly Node[] } = await page.call(
    "Accessibility.getFullAXTree",
  );
  const problems: string[] = [];
  let level = 0;
  for (const { ignored, role, name, properties } of nodes) {
    if (ignored || role === undefined) continue;
    if (NAMED_ROLES.has(role.value) && !name?.value.trim()) {
      problems.push(`a ${role.value} has no name`);
    }
    if (role.value !== "heading") continue;
    const found = properties?.find(({ name }) => name === "level");
    const next = Number(found?.value.value);
    if (next > level + 1) {
      problems.push(
        `"${name?.value}" is a heading of level ${next} after ${level}`,
      );
    }
    level = next;
  }
  if (level === 0) problems.push("there is no heading");
  return [...problems, ...await page.evaluate<string[]>(`(${lookAround})()`)];
}

/** Runs in the page. */
const lookAround = `() => {
  const problems = [];
  if (document.documentElement.scrollWidth > innerWidth) {
    problems.push("it is wider than the window: " + document.documentElement.scrollWidth);
  }
  const channel = (value) => {
    const part = value / 255;
    return part <= 0.04045 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4;
  };
  const parse = (color) => {
    const [r, g, b, a = 1] = color.match(/[0-9.]+/g).map(Number);
    return { light: 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b), a };
  };
  const groundOf = (element) => {
    for (let at = element; at !== null; at = at.parentElement) {
      const ground = parse(getComputedStyle(at).backgroundColor);
      if (ground.a > 0) return ground.light;
    }
    return 1;
  };
  const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
  for (let text; (text = walker.nextNode()) !== null;) {
    const element = text.parentElement;
    if (text.data.trim() === "" || !element.checkVisibility()) continue;
    if (element.closest(".unseen, .skip, script, option")) continue;
    const [one, other] = [parse(getComputedStyle(element).color).light, groundOf(element)];
    const ratio = (Math.max(one, other) + 0.05) / (Math.min(one, other) + 0.05);
    if (ratio < 4.5) problems.push(ratio.toFixed(1) + ":1 of " + text.data.slice(0, 40));
  }
  for (const element of document.querySelectorAll("button, select, summary, main a")) {
    const { width, height } = element.getBoundingClientRect();
    if (width > 0 && height > 0 && height < 16) {
      problems.push("too small to touch: " + element.innerText);
    }
  }
  return problems;
}`;
