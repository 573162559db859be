/** How a table came about, which decides who may add to it. */
interface Table {
  kind: "header" | "implied" | "dotted" | "list" | "closed";
  /** The header that a dotted key stands behind: no other one may add to it. */
  readonly section: number;
  /** Of a list of tables: those of its last one. */
  members: Map<string, Table>;
}

type Path = readonly string[];

const MAX_DEPTH = 64;
const DIGITS = String.raw`[+-]?(?:0|[1-9](?:_?\d)*)`;
const INTEGER_REGEXP = new RegExp(
  `^(?:${DIGITS}|0x[\\dA-Fa-f](?:_?[\\dA-Fa-f])*|0o[0-7](?:_?[0-7])*|0b[01](?:_?[01])*)$`,
);
const FLOAT_REGEXP = new RegExp(
  `^${DIGITS}(?:\\.\\d(?:_?\\d)*)?(?:[eE][+-]?\\d(?:_?\\d)*)?$`,
);
const CONTROL_REGEXP =
  // deno-lint-ignore no-control-regex
  /[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]|\r(?!\n)/;
const BLANK_REGEXP = /[ \t]*/y;

/**
 * Walks over a document for what `@std/toml` takes and TOML 1.0 does not: keys
 * and tables that are given twice, several pairs on a line, raw control
 * characters, numbers that lose digits. Reading the values is left to the
 * parser behind it.
 */
export class TomlChecker {
  /** Why the parser may refuse a document that is right. */
  lateTable: string | undefined;
  readonly #text: string;
  readonly #root = newTable("header", 0);
  #at = 0;
  #section = 0;

  constructor(text: string) {
    this.#text = text;
  }

  check(): void {
    const control = CONTROL_REGEXP.exec(this.#text);
    if (control !== null) {
      const code = control[0].charCodeAt(0).toString(16).padStart(4, "0");
      throw this.#problem(
        `the control character U+${code.toUpperCase()} is not allowed; in a string, write \\u${code}`,
        control.index,
      );
    }
    let current = this.#root;
    let path: Path = [];
    for (this.#skipLines(); this.#char !== ""; this.#skipLines()) {
      if (this.#char === "[") [current, path] = this.#header();
      else this.#pair(current, path, 0);
      this.#skip(/[ \t]*(?:#[^\n]*)?\r?/y);
      if (this.#char !== "" && this.#char !== "\n") {
        throw this.#expected("the end of the line");
      }
    }
  }

  /** `[a.b]` or `[[a.b]]`: the table that the following lines belong to. */
  #header(): readonly [Table, Path] {
    const start = this.#at;
    const isList = this.#text.startsWith("[[", start);
    const end = isList ? "]]" : "]";
    this.#at += end.length;
    const keys = this.#keys();
    if (!this.#text.startsWith(end, this.#at)) throw this.#expected(`"${end}"`);
    this.#at += end.length;
    this.#section++;
    let table = this.#root;
    for (const [index, key] of keys.entries()) {
      const isLast = index === keys.length - 1;
      const found = table.members.get(key);
      if (found?.kind === "closed") {
        throw this.#complete(keys.slice(0, index + 1), start);
      }
      const kind = !isLast ? "implied" : isList ? "list" : "header";
      const next = found ?? newTable(kind, this.#section);
      table.members.set(key, next);
      if (isLast && found !== undefined) {
        this.#reopen(found, keys.join("."), isList, start);
      }
      table = next;
    }
    return [table, keys];
  }

  #reopen(table: Table, name: string, isList: boolean, start: number): void {
    if (isList && table.kind === "list") table.members = new Map();
    else if (!isList && table.kind === "implied") {
      table.kind = "header";
      this.lateTable ??= this.#problem(
        `the table [${name}] has to stand before the tables inside of it`,
        start,
      ).message;
    } else {
      const says = table.kind === "list"
        ? `"${name}" is a list of tables; write [[${name}]] for one more`
        : `the table "${name}" is defined twice`;
      throw this.#problem(says, start);
    }
  }

  #pair(into: Table, path: Path, depth: number): void {
    const start = this.#at;
    const keys = this.#keys();
    if (this.#char !== "=") throw this.#expected('"=" behind the key');
    this.#at++;
    let table = into;
    for (const [index, key] of keys.entries()) {
      const isLast = index === keys.length - 1;
      const found = table.members.get(key);
      const full = [...path, ...keys.slice(0, index + 1)];
      if (found !== undefined && isLast) {
        const says = `the key "${full.join(".")}" is given twice`;
        throw this.#problem(says, start);
      }
      const isOpen = found === undefined ||
        (found.kind === "dotted" && found.section === this.#section);
      if (!isOpen) throw this.#complete(full, start);
      const next = found ??
        newTable(isLast ? "closed" : "dotted", this.#section);
      table.members.set(key, next);
      table = next;
    }
    this.#value([...path, ...keys], depth, "a value");
  }

  #keys(): Path {
    const keys: string[] = [];
    do {
      if (keys.length > 0) this.#at++;
      this.#skip(BLANK_REGEXP);
      const start = this.#at;
      const key = this.#skip(/[A-Za-z0-9_-]+/y) || this.#quotedKey();
      if (key === "__proto__") {
        throw this.#problem('"__proto__" cannot be a key', start);
      }
      keys.push(key);
      this.#skip(BLANK_REGEXP);
    } while (this.#char === ".");
    return keys;
  }

  #quotedKey(): string {
    const start = this.#at;
    if (!/^(?:"(?!"")|'(?!''))/.test(this.#text.slice(start, start + 3))) {
      throw this.#expected("a key");
    }
    this.#string();
    const quoted = this.#text.slice(start, this.#at);
    // The escapes that are supported are those of JSON.
    return quoted.startsWith("'")
      ? quoted.slice(1, -1)
      : JSON.parse(quoted.replaceAll("\t", "\\t"));
  }

  #value(path: Path, depth: number, expected: string): void {
    if (depth > MAX_DEPTH) {
      throw this.#problem(`values are nested deeper than ${MAX_DEPTH}`);
    }
    this.#skip(BLANK_REGEXP);
    if (/["']/.test(this.#char)) return this.#string();
    if (this.#char === "[") return this.#array(path, depth);
    if (this.#char === "{") return this.#inlineTable(path, depth);
    const start = this.#at;
    const token = this.#skip(/[^\s,\]}#]+/y);
    if (token === "") throw this.#expected(expected);
    const says = problemOf(token);
    if (says !== undefined) throw this.#problem(`${token} ${says}`, start);
  }

  #array(path: Path, depth: number): void {
    this.#at++;
    for (this.#skipLines(); this.#char !== "]"; this.#skipLines()) {
      this.#value(path, depth + 1, 'a value or "]"');
      this.#skipLines();
      if (this.#char === ",") this.#at++;
      else if (this.#char !== "]") throw this.#expected('"," or "]"');
    }
    this.#at++;
  }

  /** It stands on one line, and nothing can be added to it later. */
  #inlineTable(path: Path, depth: number): void {
    const table = newTable("header", 0);
    do {
      this.#at++;
      this.#skip(BLANK_REGEXP);
      if (this.#char === "}" && table.members.size === 0) break;
      this.#pair(table, path, depth + 1);
      this.#skip(BLANK_REGEXP);
    } while (this.#char === ",");
    if (this.#char !== "}") throw this.#expected('"," or "}"');
    this.#at++;
  }

  #string(): void {
    const start = this.#at;
    const quote = this.#char;
    const isLong = this.#text.startsWith(quote.repeat(3), start);
    const end = isLong ? quote.repeat(3) : quote;
    this.#at += end.length;
    while (!this.#text.startsWith(end, this.#at)) {
      if (this.#char === "" || (this.#char === "\n" && !isLong)) {
        const where = isLong ? "" : " on its line";
        throw this.#problem(`the string does not end${where}`, start);
      }
      if (quote === '"' && this.#char === "\\") this.#escape(isLong);
      else this.#at++;
    }
    this.#at += end.length;
    // Two more quotes at most may stand before the last three.
    if (isLong) this.#skip(quote === '"' ? /"{1,2}/y : /'{1,2}/y);
  }

  #escape(isLong: boolean): void {
    const start = this.#at;
    if (isLong && this.#skip(/\\[ \t]*\r?\n/y) !== "") return;
    const escape = this.#skip(/\\(?:[btnfr"\\]|u[\dA-Fa-f]{4})/y);
    const shown = this.#text.slice(start, start + 2);
    // Of the digits behind \U, the parser reads only six.
    const says = escape === ""
      ? `the escape ${shown} does not exist, or is not supported here`
      : `the escape ${escape} stands for no character`;
    if (escape === "" || /^\\ud[89a-f]/i.test(escape)) {
      throw this.#problem(says, start);
    }
  }

  get #char(): string {
    return this.#text[this.#at] ?? "";
  }

  #skip(pattern: RegExp): string {
    pattern.lastIndex = this.#at;
    const [found = ""] = pattern.exec(this.#text) ?? [];
    this.#at += found.length;
    return found;
  }

  /** Blanks, comments and line ends. */
  #skipLines(): void {
    while (this.#skip(/[ \t\r\n]+|#[^\n]*/y) !== "");
  }

  #expected(what: string): SyntaxError {
    const found = this.#char === "" ? "the end of the file" : this.#char;
    const shown = /[\r\n]/.test(found) ? "the end of the line" : found;
    return this.#problem(`expected ${what}, found ${shown}`);
  }

  #complete(keys: Path, at: number): SyntaxError {
    const says = "is complete already and cannot be extended";
    return this.#problem(`"${keys.join(".")}" ${says}`, at);
  }

  #problem(says: string, at: number = this.#at): SyntaxError {
    const line = this.#text.slice(0, at).split("\n").length;
    return new SyntaxError(`line ${line}: ${says}`);
  }
}

/** What is wrong with a value that is no string, list or table, if anything. */
function problemOf(token: string): string | undefined {
  const digits = token.replaceAll("_", "");
  if (INTEGER_REGEXP.test(token)) {
    const value = BigInt(digits);
    const limit = BigInt(Number.MAX_SAFE_INTEGER);
    if (value <= limit && value >= -limit) return undefined;
    return `is too large: integers go up to ${limit}`;
  }
  if (token === "true" || token === "false") return undefined;
  const isFloat = FLOAT_REGEXP.test(token);
  if (isFloat && Number.isFinite(Number(digits))) return undefined;
  if (isFloat || /^[+-]?(?:inf|nan)$/.test(token)) {
    return "is a number that JSON cannot hold";
  }
  return /^(?:\d{4}-\d\d-\d\d|\d\d:\d\d)/.test(token)
    ? "is a date or a time, which JSON cannot hold; put it in quotes"
    : "is not a value; put text in quotes";
}

function newTable(kind: Table["kind"], section: number): Table {
  return { kind, section, members: new Map() };
}
