/**
 * Splits a command line as the launcher does: quotes group, a backslash takes
 * the next character as it is. `undefined` where a quote is not closed.
 */
export function splitWords(text: string): readonly string[] | undefined {
  const words: string[] = [];
  let word: string | undefined;
  let quote = "";
  for (let at = 0; at < text.length; at++) {
    const char = text[at] as string;
    if (quote === "'" || quote === '"') {
      if (char === quote) quote = "";
      else if (
        char === "\\" && quote === '"' && /["\\$`]/.test(text[at + 1] ?? "")
      ) {
        word = (word ?? "") + text[++at];
      } else word = (word ?? "") + char;
    } else if (char === "'" || char === '"') {
      quote = char;
      word ??= "";
    } else if (char === "\\") {
      if (at + 1 >= text.length) return undefined;
      word = (word ?? "") + text[++at];
    } else if (/[ \t\n\f\r]/.test(char)) {
      if (word !== undefined) words.push(word);
      word = undefined;
    } else word = (word ?? "") + char;
  }
  if (quote !== "") return undefined;
  if (word !== undefined) words.push(word);
  return words;
}
