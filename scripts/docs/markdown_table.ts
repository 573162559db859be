/**
 * A Markdown table; the formatter pads its columns.
 *
 * @param head Titles of the columns.
 * @param rows Their cells. A bar in a cell is escaped.
 * @returns The table, without a final newline.
 */
export function markdownTable(
  head: readonly string[],
  rows: readonly (readonly string[])[],
): string {
  const line = (cells: readonly string[]): string =>
    `| ${cells.map(cellOf).join(" | ")} |`;
  return [line(head), line(head.map(() => "---")), ...rows.map(line)].join(
    "\n",
  );
}

function cellOf(text: string): string {
  return plainText(text).replaceAll("|", "\\|").replaceAll("\n", " ");
}

/**
 * Keeps viewers from taking `<name>` for HTML; code spans are literal anyway.
 *
 * @param text Text of one of our tables, with code spans.
 * @returns Markdown.
 */
export function plainText(text: string): string {
  return text.split("`").map((part, index) =>
    index % 2 === 1 ? part : part.replaceAll("<", "&lt;")
  ).join("`");
}
