const ROOT = "{workenv}";

/** A path below the workenv, or what is wrong with it. */
export type WorkenvPath =
  | { readonly path: string }
  | { readonly problem: string };

/**
 * Reads a path below the workenv, with or without a leading `{workenv}/`.
 *
 * @param text The path as written.
 * @returns The path without `{workenv}`, `.` and doubled slashes; empty for the
 * workenv itself.
 */
export function parseWorkenvPath(text: string): WorkenvPath {
  if (/\p{Cc}/u.test(text)) return { problem: "holds a control character" };
  if (!text.isWellFormed()) return { problem: "is not valid Unicode" };
  if (text.includes("\\")) {
    return { problem: "holds a backslash; write / on every platform" };
  }
  let rest = text;
  if (text === ROOT) rest = "";
  else if (text.startsWith(`${ROOT}/`)) rest = text.slice(ROOT.length + 1);
  if (rest.startsWith("/") || /^[A-Za-z]:/.test(rest)) {
    return { problem: "is absolute; paths are relative to the workenv" };
  }
  const parts = rest.split("/").filter((part) => part !== "" && part !== ".");
  if (parts.includes("..")) return { problem: 'leaves the workenv with ".."' };
  return { path: parts.join("/") };
}

/**
 * The same for a path that was checked before.
 *
 * @param text The path as written.
 * @returns The path, empty for the workenv itself.
 */
export function workenvPath(text: string): string {
  const parsed = parseWorkenvPath(text);
  if ("problem" in parsed) throw new TypeError(`${text} ${parsed.problem}`);
  return parsed.path;
}

/**
 * Spells a path below the workenv as launchers read it everywhere: some of them
 * take a relative path for one below the user's working directory.
 *
 * @param text The path as written, checked before.
 * @returns `{workenv}` or `{workenv}/path`.
 */
export function placeInWorkenv(text: string): string {
  const path = workenvPath(text);
  return path === "" ? ROOT : `${ROOT}/${path}`;
}
