import { PspfError } from "../errors.ts";
import { OperationChain } from "../format/operations.ts";
import { parsePermissions } from "../format/slot_words.ts";

/** Says what is wrong with a value, if anything. */
type ValueCheck = (value: string) => string | undefined;

const WORKENV = "{workenv}";

/** Refuses what is invisible. */
export const checkText: ValueCheck = (value) => {
  if (value.trim() === "") return "is empty";
  if (/\p{Cc}/u.test(value)) return "holds a control character";
  return value.isWellFormed() ? undefined : "is not valid Unicode";
};

/** A package name becomes the name of a file. */
export const checkPackageName: ValueCheck = (value) => {
  if (/[/\\]/.test(value)) return "holds a slash: it becomes a file name";
  if (value === "." || value === "..") return "cannot be a file name";
  return checkText(value);
};

/** A command may hold newlines, but not be empty. */
export const checkCommand: ValueCheck = (value) => {
  if (value.trim() === "") return "is empty";
  return checkValue(value);
};

/** No operating system can pass on such a name. */
export const checkVariableName: ValueCheck = (value) => {
  if (value === "") return "has an empty name";
  return /[=\0]/.test(value) ? 'has a name with "=" or a zero byte' : undefined;
};

/** No operating system can pass on such a value. */
export const checkValue: ValueCheck = (value) =>
  value.includes("\0") ? "holds a zero byte" : undefined;

/** Three or four octal digits, without setuid and sticky bits. */
export const checkPermissions: ValueCheck = (value) =>
  messageOf(() => parsePermissions(value));

/** Unlike a mode, a umask may be 0. */
export const checkUmask: ValueCheck = (value) =>
  /^0?[0-7]{3}$/.test(value)
    ? undefined
    : `is ${JSON.stringify(value)}, expected three octal digits like "077"`;

/** Every spelling of every existing builder. */
export const checkOperations: ValueCheck = (value) =>
  messageOf(() => OperationChain.parse(value));

/** The package cannot hold itself. */
export const checkSource: ValueCheck = (value) =>
  value === "$SELF"
    ? "is $SELF, which the existing launchers cannot start"
    : checkText(value);

/** Targets and directories stay below the workenv. */
export const checkWorkenvPath: ValueCheck = (value) => {
  if (/\p{Cc}/u.test(value)) return "holds a control character";
  if (!value.isWellFormed()) return "is not valid Unicode";
  if (value.includes("\\")) {
    return "holds a backslash; write / on every platform";
  }
  // "a:b" is a name like any other; "C:" and "C:/x" are places on Windows.
  if (/^(?:\/|[A-Za-z]:(?:\/|$))/.test(withoutWorkenv(value))) {
    return "is absolute; paths are relative to the workenv";
  }
  return value.split("/").includes("..")
    ? 'leaves the workenv with ".."'
    : undefined;
};

/** A checked path, without `{workenv}`, `.` and doubled slashes; empty for the workenv itself. */
export function workenvPath(text: string): string {
  return withoutWorkenv(text).split("/")
    .filter((part) => part !== "" && part !== ".").join("/");
}

/**
 * Spells a checked path as launchers read it everywhere: some of them take a
 * relative path for one below the user's working directory.
 */
export function placeInWorkenv(text: string): string {
  const path = workenvPath(text);
  return path === "" ? WORKENV : `${WORKENV}/${path}`;
}

function withoutWorkenv(text: string): string {
  if (text === WORKENV) return "";
  return text.startsWith(`${WORKENV}/`) ? text.slice(WORKENV.length + 1) : text;
}

function messageOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (!(error instanceof PspfError)) throw error;
    const reason = error.message.slice(error.message.lastIndexOf(": ") + 2);
    const { hint } = error;
    return `is not valid: ${reason}${hint === undefined ? "" : ` (${hint})`}`;
  }
}
