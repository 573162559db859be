/** Texts that belong between markers, by the name in the marker. */
export type Sections = Readonly<Record<string, () => string>>;

const SECTION_REGEXP =
  /(?<begin><!-- generated: (?<name>[\w-]+) -->\n)[\s\S]*?(?<end><!-- end of generated text -->)/g;

/**
 * Replaces what stands between `<!-- generated: NAME -->` and
 * `<!-- end of generated text -->`. The rest of a page belongs to people.
 *
 * @param page The page.
 * @param sections What the names stand for.
 * @returns The page with fresh sections; not formatted yet.
 * @throws {Error} Where a page asks for a section that nobody generates.
 */
export function replaceSections(page: string, sections: Sections): string {
  return page.replaceAll(SECTION_REGEXP, (...args) => {
    const groups: Readonly<Record<string, string>> = args.at(-1);
    const { begin = "", name = "", end = "" } = groups;
    const generate = sections[name];
    if (generate === undefined) throw new Error(`No generator for "${name}"`);
    return `${begin}\n${generate()}\n\n${end}`;
  });
}
