import { stripTypeScriptTypes } from "node:module";

/** One change of a source file: what a careless hand or a wrong merge would do. */
export interface Mutant {
  readonly path: string;
  readonly line: number;
  /** The line before and after, trimmed. */
  readonly before: string;
  readonly after: string;
  /** The whole file with the change in it. */
  readonly text: string;
}

interface Token {
  readonly kind: "word" | "number" | "text" | "sign";
  readonly text: string;
  readonly at: number;
}

/** Types are blanked out first, which leaves every position as it was. */
const TOKEN_REGEXPS: readonly (readonly [Token["kind"] | undefined, RegExp])[] =
  [
    [undefined, /(?:\s+|\/\/.*|\/\*[\s\S]*?\*\/)+/y],
    ["word", /#?[\p{ID_Start}$_][\p{ID_Continue}$]*/uy],
    ["number", /(?:0[xob][\da-f_]+|\d[\d_]*(?:\.\d+)?(?:e[+-]?\d+)?)n?/iy],
    ["text", /"(?:[^"\\\n]|\\[\s\S])*"|'(?:[^'\\\n]|\\[\s\S])*'/y],
    ["sign", /\.{3}|[=!]==|>>>=?|(?:\*\*|<<|>>|&&|\|\||\?\?)=?/y],
    [
      "sign",
      /=>|\?\.(?!\d)|\+\+|--|[-+*/%&|^<>=!]=|[-+*/%&|^<>=!~?:;,.(){}[\]@`]/y,
    ],
  ];
const REGEXP_REGEXP = /\/(?:[^/\\[\n]|\\.|\[(?:[^\]\\\n]|\\.)*\])+\/\w*/y;
const KEYWORDS =
  /^(?:return|throw|typeof|case|in|of|new|delete|void|await|yield|else|do)$/;

function endsOperand(token: Token | undefined): boolean {
  if (token === undefined || KEYWORDS.test(token.text)) return false;
  return token.kind !== "sign" || /^[)\]}`]$/.test(token.text);
}

function* tokenize(code: string): Generator<Token> {
  let last: Token | undefined;
  // Braces that are open; a template's is told from a block's.
  const open: ("block" | "template")[] = [];
  const skipTemplate = (from: number): number => {
    for (let at = from;; at++) {
      if (code[at] === "\\") at++;
      else if (code[at] === "`" || at >= code.length) return at + 1;
      else if (code.startsWith("${", at)) {
        open.push("template");
        return at + 2;
      }
    }
  };
  for (let at = 0; at < code.length;) {
    let kind: Token["kind"] | undefined = "sign";
    let text = "";
    if (
      code[at] === "/" && !/^[/*]/.test(code[at + 1] ?? "") &&
      !endsOperand(last)
    ) {
      REGEXP_REGEXP.lastIndex = at;
      [text = ""] = REGEXP_REGEXP.exec(code) ?? [];
      if (text !== "") kind = "text";
    }
    for (const [name, regExp] of text === "" ? TOKEN_REGEXPS : []) {
      regExp.lastIndex = at;
      [text = ""] = regExp.exec(code) ?? [];
      kind = name;
      if (text !== "") break;
    }
    if (text === "") throw new Error(`Cannot read ${code.slice(at, at + 20)}`);
    const start = at;
    at += text.length;
    if (kind === undefined) continue;
    if (text === "`") at = skipTemplate(at);
    if (text === "{") open.push("block");
    if (text === "}" && open.pop() === "template") at = skipTemplate(at);
    yield last = { kind, text, at: start };
  }
}

/** What takes the place of each other. */
const SWAPS: Readonly<Record<string, string>> = Object.fromEntries(
  "=== !== < <= > >= && || * / += -= ++ -- << >> & | true false + -"
    .split(" ").map((sign, at, all) => [sign, all[at ^ 1] ?? sign]),
);

/** Start, end and replacement of every change in a file. */
function* listEdits(
  code: string,
): Generator<readonly [at: number, end: number, text: string]> {
  const tokens = [...tokenize(code)];
  for (const [index, { kind, text, at }] of tokens.entries()) {
    const [before, next] = [tokens[index - 1], tokens[index + 1]];
    const end = at + text.length;
    const swapped = SWAPS[text];
    const isUnary = /^[+-]$/.test(text) && !endsOperand(before);
    if (swapped !== undefined && !isUnary) yield [at, end, swapped];
    if (text === "??") yield [at, end, "&&"];
    if (text === "%") yield [at, end, "*"];
    if (text === "!") yield [at, end, ""];
    if (kind === "number") {
      yield [at, end, text.endsWith("n") ? `(${text} + 1n)` : `(${text} + 1)`];
    }
    if (kind === "text" && /^([!=]==|case)$/.test(before?.text ?? "")) {
      yield [at, end, '"?"'];
    }
    if ((text === "if" || text === "while") && next?.text === "(") {
      const close = findEnd(tokens, index + 2, ")");
      if (close !== undefined) {
        yield [next.at, close, `(!${code.slice(next.at, close)})`];
      }
    }
    const begins = /^(?:[;{}]|else|=>)$/.test(before?.text ?? "") ||
      closesCondition(tokens, index - 1);
    if (begins && isStatement(text, next?.text)) {
      const close = findEnd(tokens, index, ";");
      if (close !== undefined) yield [at, close, ";"];
    }
  }
}

function isStatement(text: string, next = ""): boolean {
  if (/^(?:throw|await|this|super)$/.test(text)) return true;
  if (/^(?:return|continue|break)$/.test(text)) return next === ";";
  const isCallOrAssignment = /^(?:\.|\(|\?\.|\[|[-+*/&|^]?=|\+\+|--)$/.test(
    next,
  );
  return isCallOrAssignment && /^[A-Za-z_$]/.test(text) &&
    !/^(?:if|for|while|switch|catch|function|return|const|let|using|constructor)$/
      .test(text);
}

/** Whether a token is the end of `if (…)` or a loop's head. */
function closesCondition(tokens: readonly Token[], index: number): boolean {
  if (tokens[index]?.text !== ")") return false;
  let depth = 0;
  for (let at = index; at >= 0; at--) {
    const { text } = tokens[at] ?? { text: "" };
    if (text === ")") depth++;
    if (text === "(" && --depth === 0) {
      return /^(?:if|while|for|await)$/.test(tokens[at - 1]?.text ?? "");
    }
  }
  return false;
}

/** Position behind the first such token at the same depth, if there is one. */
function findEnd(
  tokens: readonly Token[],
  from: number,
  wanted: string,
): number | undefined {
  let depth = 0;
  for (const { text, at } of tokens.slice(from)) {
    if (depth === 0 && text === wanted) return at + 1;
    if (/^[([{]$/.test(text)) depth++;
    if (/^[)\]}]$/.test(text) && --depth < 0) return undefined;
    if (depth === 0 && wanted === ";" && /^[,:]$/.test(text)) return undefined;
  }
  return undefined;
}

/** Makes every change of one token or statement that is still a program. */
export function listMutants(path: string, source: string): Mutant[] {
  const code = stripTypeScriptTypes(source);
  return [...listEdits(code)].flatMap(([at, end, replacement]) => {
    const text = source.slice(0, at) + replacement + source.slice(end);
    try {
      stripTypeScriptTypes(text);
    } catch {
      return [];
    }
    const lineStart = source.lastIndexOf("\n", at - 1) + 1;
    const lineEnd = source.indexOf("\n", end);
    return [{
      path,
      line: source.slice(0, at).split("\n").length,
      before: oneLine(source.slice(lineStart, lineEnd)),
      after: oneLine(
        source.slice(lineStart, at) + replacement + source.slice(end, lineEnd),
      ),
      text,
    }];
  });
}

function oneLine(text: string): string {
  return text.trim().replaceAll(/\s+/g, " ");
}
