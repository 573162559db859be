import { type MarkdownBlock, markdownBlocks } from "./markdown_blocks.ts";

/** Something that the reader of a page does. */
export type PageStep = SaveStep | RunStep;

/** The reader saves a block as a file. */
export interface SaveStep {
  readonly kind: "save";
  readonly path: string;
  readonly text: string;
  readonly line: number;
}

/** The reader runs a command. */
export interface RunStep {
  readonly kind: "run";
  /** What the shell gets. */
  readonly script: string;
  /** The exit code that the page promises. */
  readonly exit: number;
  /** What the page shows; absent where it shows nothing. */
  readonly output?: readonly string[];
  /** Line of the command in the page, from 1. */
  readonly line: number;
  /** Where the shown output stands in the page: first line and one past the last, from 0. */
  readonly span: readonly [first: number, end: number];
}

const PROMPT = "$ ";
const CONTINUED = "> ";
const EXIT_REGEXP = /\s+# exit (?<code>\d+)$/;

/**
 * What a reader does who follows a page from top to bottom.
 *
 * `sh` blocks are commands, one script per block. `console` blocks show
 * commands after `$ ` and what they print. `file=NAME` after the language
 * makes a block a file instead. A command that ends in `# exit N` has to exit
 * with N, every other one with 0.
 *
 * @param page Markdown.
 * @returns The steps, in order.
 */
export function pageSteps(page: string): readonly PageStep[] {
  return markdownBlocks(page).flatMap((block): readonly PageStep[] => {
    const { language, file, lines, start } = block;
    if (file !== undefined) {
      const text = `${lines.join("\n")}\n`;
      return [{ kind: "save", path: file, text, line: start }];
    }
    switch (language) {
      case "sh":
      case "setup":
        return [scriptStep(block)];
      case "console":
        return sessionSteps(block);
      default:
        return [];
    }
  });
}

/** Stops at the first command that does not end as promised. */
function scriptStep({ lines, start }: MarkdownBlock): RunStep {
  const script = lines.map((line) => {
    const code = EXIT_REGEXP.exec(line)?.groups?.["code"];
    return code === undefined
      ? line
      : `status=0; ${line.replace(EXIT_REGEXP, "")} || status=$?\n` +
        `[ "$status" = ${code} ]`;
  });
  return {
    kind: "run",
    script: ["set -e", ...script, "set +e"].join("\n"),
    exit: 0,
    line: start + 1,
    span: [start + lines.length, start + lines.length],
  };
}

function sessionSteps({ lines, start }: MarkdownBlock): readonly RunStep[] {
  const steps: RunStep[] = [];
  for (let at = 0; at < lines.length;) {
    const first = lines[at] ?? "";
    if (!first.startsWith(PROMPT)) {
      throw new Error(`Line ${start + at + 1} has no command before it`);
    }
    const command = [first.slice(PROMPT.length)];
    const line = start + at + 1;
    for (at++; lines[at]?.startsWith(CONTINUED) === true; at++) {
      command.push((lines[at] ?? "").slice(CONTINUED.length));
    }
    const begin = at;
    while (at < lines.length && lines[at]?.startsWith(PROMPT) !== true) at++;
    const text = command.join("\n");
    steps.push({
      kind: "run",
      script: text.replace(EXIT_REGEXP, ""),
      exit: Number(EXIT_REGEXP.exec(text)?.groups?.["code"] ?? 0),
      output: lines.slice(begin, at),
      line,
      span: [start + begin, start + at],
    });
  }
  return steps;
}
