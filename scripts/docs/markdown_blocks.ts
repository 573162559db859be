/** A piece of a page that means something to a machine. */
export interface MarkdownBlock {
  /** First word after the fence, such as `sh`; `setup` for a hidden one. */
  readonly language: string;
  /** The file that the reader saves the block as, from `file=NAME`. */
  readonly file?: string;
  /** The lines between the fences. */
  readonly lines: readonly string[];
  /** Index of the first of them in the page, from 0. */
  readonly start: number;
}

const FENCE_REGEXP = /^```(?<language>[\w-]*)(?<rest>.*)$/;
const SETUP = "<!-- setup";
const SETUP_END = "-->";

/**
 * Finds the fenced blocks of a page, and its hidden set-up commands
 * (`<!-- setup` … `-->`), in order.
 *
 * @param page Markdown.
 * @returns The blocks.
 * @throws {Error} Where a block does not end.
 */
export function markdownBlocks(page: string): readonly MarkdownBlock[] {
  const lines = page.split("\n");
  const blocks: MarkdownBlock[] = [];
  for (let index = 0; index < lines.length; index++) {
    const opening = openingOf(lines[index] ?? "");
    if (opening === undefined) continue;
    const start = index + 1;
    const end = lines.indexOf(opening.closing, start);
    if (end === -1) throw new Error(`The block in line ${start} does not end`);
    const { language, file } = opening;
    blocks.push({
      language,
      ...(file === undefined ? {} : { file }),
      lines: lines.slice(start, end),
      start,
    });
    index = end;
  }
  return blocks;
}

interface Opening {
  readonly language: string;
  readonly file?: string;
  readonly closing: string;
}

function openingOf(line: string): Opening | undefined {
  if (line === SETUP) return { language: "setup", closing: SETUP_END };
  const { language, rest } = FENCE_REGEXP.exec(line)?.groups ?? {};
  if (language === undefined || rest === undefined) return undefined;
  const file = /\bfile=(?<file>\S+)/.exec(rest)?.groups?.["file"];
  return {
    language,
    ...(file === undefined ? {} : { file }),
    closing: "```",
  };
}
