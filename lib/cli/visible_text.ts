/**
 * Makes text that comes out of a package safe to show: what would move the
 * cursor, change colours or hide text is written as an escape.
 *
 * @param text Any text.
 * @param keepLines Whether line feeds stay.
 * @returns The text without control and direction characters.
 */
export function visibleText(text: string, keepLines: boolean = false): string {
  return text.replace(
    // deno-lint-ignore no-control-regex
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g,
    (character) => {
      if (keepLines && character === "\n") return character;
      const code = character.charCodeAt(0).toString(16);
      return code.length > 2 ? `\\u${code}` : `\\x${code.padStart(2, "0")}`;
    },
  );
}
