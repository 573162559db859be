import { PspfError, type PspfErrorCode } from "../errors.ts";

/** Longest path in an archive, in bytes of UTF-8. */
const MAX_PATH_BYTES = 4096;

/** Longest name between two slashes, in bytes of UTF-8. */
const MAX_NAME_BYTES = 255;

/** Deepest nesting of a path. */
const MAX_PATH_DEPTH = 256;

/**
 * Checks that a path stays below the directory it is extracted into, on every
 * system: it is not absolute, has no `..`, no NUL, no drive letter, and a
 * backslash hides none of these. What only the file system knows (symbolic
 * links) is checked again by the target.
 */
export function checkEntryPath(path: string): string {
  if (path.includes("\0")) throw unsafe(path, "it holds a NUL byte");
  if (/^[/\\]/.test(path)) throw unsafe(path, "it is absolute");
  if (/^[A-Za-z]:/.test(path)) throw unsafe(path, "it has a drive letter");
  if (path.split(/[/\\]/).includes("..")) throw unsafe(path, "it holds ..");
  if (byteLength(path) > MAX_PATH_BYTES) {
    throw unsafe(path, `it is longer than ${MAX_PATH_BYTES} bytes`);
  }
  const names = path.split("/").filter((name) => name !== "" && name !== ".");
  if (names.length > MAX_PATH_DEPTH) {
    throw unsafe(path, `it has more than ${MAX_PATH_DEPTH} names`);
  }
  if (names.some((name) => byteLength(name) > MAX_NAME_BYTES)) {
    throw unsafe(path, `a name is longer than ${MAX_NAME_BYTES} bytes`);
  }
  return names.join("/");
}

/**
 * Checks the text of a symbolic link. Where it points does not matter, because
 * nothing is ever written through a link.
 */
export function checkLinkTarget(target: string): string {
  const isUsable = target !== "" && !target.includes("\0") &&
    byteLength(target) < MAX_PATH_BYTES;
  if (isUsable) return target;
  throw refuse("archive/bad-entry", target, "no link can point there");
}

function byteLength(text: string): number {
  // Only text that could be too long is worth the encoding.
  return text.length * 3 <= MAX_NAME_BYTES
    ? text.length
    : new TextEncoder().encode(text).length;
}

function unsafe(path: string, problem: string): PspfError {
  return refuse("archive/unsafe-path", path, problem);
}

function refuse(code: PspfErrorCode, path: string, problem: string): PspfError {
  const shown = path.length > 200 ? `${path.slice(0, 197)}...` : path;
  return new PspfError(
    code,
    `Cannot use the path ${JSON.stringify(shown)}: ${problem}`,
    {
      context: { path: shown },
      hint:
        "The archive was not made for extraction into a directory of its own; do not trust it",
    },
  );
}

const FIRST_SURROGATE = 0xd800;
const LAST_SURROGATE = 0xdfff;

/**
 * Orders paths by their UTF-8 bytes, which no locale changes. JavaScript's own
 * order is that of UTF-16, where U+1F4E6 stands before U+FF21.
 */
export function comparePaths(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const x = a.charCodeAt(i);
    const y = b.charCodeAt(i);
    if (x !== y) return rank(x) - rank(y);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above all others. */
function rank(unit: number): number {
  return unit >= FIRST_SURROGATE && unit <= LAST_SURROGATE
    ? unit + 0x10000
    : unit;
}
