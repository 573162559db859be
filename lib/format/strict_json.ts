import { PspfError } from "../errors.ts";
import type { JsonValue } from "../errors.ts";

/** Limits of {@linkcode parseStrictJson}. */
export interface StrictJsonOptions {
  /** Deepest nesting of arrays and objects allowed. */
  readonly maxDepth: number;
}

/**
 * Parses JSON that more than one program has to understand in the same way:
 * invalid UTF-8, unpaired surrogates, a repeated key at any depth and deep
 * nesting are errors, where `JSON.parse` alone would choose a meaning.
 */
export function parseStrictJson(
  bytes: Uint8Array,
  options: StrictJsonOptions,
): JsonValue {
  const text = decodeUtf8(bytes);
  let value: JsonValue;
  try {
    value = parseNotingNumbers(text);
  } catch (cause) {
    throw badJson("it is not valid JSON", { cause });
  }
  checkStructure(text, options.maxDepth);
  return value;
}

/**
 * Tells whether a number that is whole was written as one. `JSON.parse` makes
 * no difference between `1` and `1.0`, `1e0` or `-0`, other parsers do.
 */
export function isWrittenWhole(holder: object, key: string): boolean {
  return oddNumbers.get(holder)?.has(key) !== true;
}

/** Members with numbers like `1.0`, by the object that holds them. */
const oddNumbers = new WeakMap<object, Set<string>>();

/** Digits before a point or an exponent, or a negative zero. */
const ODD_NUMBER_REGEXP = /\d[.eE]|-0/;

type Reviver = (
  this: object,
  key: string,
  value: JsonValue,
  context?: { readonly source?: string },
) => JsonValue;

function parseNotingNumbers(text: string): JsonValue {
  // A reviver makes parsing several times slower, and is hardly ever needed.
  if (!ODD_NUMBER_REGEXP.test(text)) return JSON.parse(text) as JsonValue;
  const note: Reviver = function (key, value, context): JsonValue {
    if (typeof value === "number" && !/^-?\d+$/.test(context?.source ?? "0")) {
      noteOddNumber(this, key);
    } else if (Object.is(value, -0)) noteOddNumber(this, key);
    return value;
  };
  return JSON.parse(text, note) as JsonValue;
}

function noteOddNumber(holder: object, key: string): void {
  const keys = oddNumbers.get(holder) ?? new Set<string>();
  oddNumbers.set(holder, keys.add(key));
}

function decodeUtf8(bytes: Uint8Array): string {
  try {
    const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });
    return decoder.decode(bytes);
  } catch (cause) {
    throw badJson("it is not valid UTF-8", { cause });
  }
}

/**
 * Walks over JSON that is known to be well formed, so that only brackets and
 * strings need a look.
 */
function checkStructure(text: string, maxDepth: number): void {
  /** Keys of each open object; `undefined` for an open array. */
  const open: (Set<string> | undefined)[] = [];
  for (let at = 0; at < text.length; at++) {
    switch (text[at]) {
      case "{":
      case "[":
        if (open.length === maxDepth) {
          throw badJson(`it is nested deeper than ${maxDepth}`, { at });
        }
        open.push(text[at] === "{" ? new Set() : undefined);
        break;
      case "}":
      case "]":
        open.pop();
        break;
      case '"': {
        const start = at;
        at = endOfString(text, start);
        const string = JSON.parse(text.slice(start, at + 1)) as string;
        if (!string.isWellFormed()) {
          throw badJson("a string has an unpaired surrogate", { at: start });
        }
        if (isKey(text, at)) addKey(open.at(-1), string, start);
        break;
      }
    }
  }
}

function endOfString(text: string, start: number): number {
  let at = start + 1;
  while (text[at] !== '"') at += text[at] === "\\" ? 2 : 1;
  return at;
}

function isKey(text: string, endOfString: number): boolean {
  let at = endOfString + 1;
  while (/\s/.test(text[at] ?? "")) at++;
  return text[at] === ":";
}

function addKey(keys: Set<string> | undefined, key: string, at: number): void {
  if (keys?.has(key)) throw badJson(`key "${key}" is repeated`, { at });
  keys?.add(key);
}

function badJson(
  problem: string,
  { at, cause }: { readonly at?: number; readonly cause?: unknown } = {},
): PspfError {
  return new PspfError(
    "format/bad-metadata",
    `Cannot read the metadata: ${problem}`,
    {
      context: at === undefined ? {} : { character: at },
      ...(cause === undefined ? {} : { cause }),
    },
  );
}
