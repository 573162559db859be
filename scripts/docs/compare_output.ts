/** Stands for any text in a line, and alone in a line for any lines. */
const ELISION = "…";

/**
 * Parts of an output that differ from run to run or from machine to machine;
 * a page shows real ones, and only their shape is compared.
 */
const VARYING: readonly (readonly [pattern: RegExp, shape: string])[] = [
  [/\b[0-9a-f]{16,}\b/g, "<digits>"],
  [/\d[\d.,]*\s?(?:bytes|B|kB|KB|MB|GB|KiB|MiB|GiB)\b/g, "<size>"],
  [
    /\d[\d.,]* ?(?:µs|us|ms|s|min|h|d|days?|hours?|minutes?|seconds?)\b/g,
    "<time>",
  ],
  [/\b(?:linux|darwin)_(?:amd64|arm64)\b/g, "<platform>"],
  [/ +/g, " "],
];

/**
 * Compares what a page shows with what a command printed.
 *
 * @param shown Lines of the page.
 * @param printed Lines of the command.
 * @returns Whether they agree in everything but sizes, times, digests and
 * platforms; `…` stands for any text, and alone in a line for any lines.
 */
export function outputAgrees(
  shown: readonly string[],
  printed: readonly string[],
): boolean {
  const [first, ...rest] = shown;
  if (first === undefined) return printed.length === 0;
  if (first.trim() === ELISION) {
    return printed.concat([""]).some((_, skipped) =>
      outputAgrees(rest, printed.slice(skipped))
    );
  }
  const [line, ...others] = printed;
  return line !== undefined && lineAgrees(first, line) &&
    outputAgrees(rest, others);
}

function lineAgrees(shown: string, printed: string): boolean {
  const pieces = shown.split(ELISION).map((piece) =>
    RegExp.escape(shapeOf(piece))
  );
  return new RegExp(`^${pieces.join(".*")}$`, "s").test(shapeOf(printed));
}

function shapeOf(text: string): string {
  return VARYING.reduce(
    (line, [pattern, shape]) => line.replaceAll(pattern, shape),
    text.trimEnd(),
  );
}
