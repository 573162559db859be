import { OperationChain } from "../format/operations.ts";
import { parsePermissions } from "../format/slot_words.ts";
import { PspfError } from "../errors.ts";
import { parseWorkenvPath } from "./workenv_path.ts";

/** Says what is wrong with a value, if anything. */
export type ValueCheck = (value: string) => string | undefined;

const CONTROL_REGEXP = /\p{Cc}/u;

/** Refuses what nobody would see. */
export const checkText: ValueCheck = (value) => {
  if (value.trim() === "") return "is empty";
  if (CONTROL_REGEXP.test(value)) return "holds a control character";
  return value.isWellFormed() ? undefined : "is not valid Unicode";
};

/** A package name becomes the name of a file. */
export const checkPackageName: ValueCheck = (value) => {
  if (/[/\\]/.test(value)) return "holds a slash: it becomes a file name";
  if (value === "." || value === "..") return "is not a file name";
  return checkText(value);
};

/** A command may hold newlines, but not be empty. */
export const checkCommand: ValueCheck = (value) => {
  if (value.trim() === "") return "is empty";
  return value.includes("\0") ? "holds a zero byte" : undefined;
};

/** No operating system can pass on such a name. */
export const checkVariableName: ValueCheck = (value) => {
  if (value === "") return "has an empty name";
  return /[=\0]/.test(value) ? 'has a name with "=" or a zero byte' : undefined;
};

/** No operating system can pass on such a value. */
export const checkVariableValue: ValueCheck = (value) =>
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

/** Targets and directories stay below the workenv. */
export const checkWorkenvPath: ValueCheck = (value) => {
  const parsed = parseWorkenvPath(value);
  return "problem" in parsed ? parsed.problem : undefined;
};

/** The package cannot hold itself. */
export const checkSource: ValueCheck = (value) => {
  if (value === "$SELF") {
    return "is $SELF, which the existing launchers cannot start";
  }
  return value.includes("\0") ? "holds a zero byte" : checkText(value);
};

function messageOf(parse: () => unknown): string | undefined {
  try {
    parse();
    return undefined;
  } catch (error) {
    if (!(error instanceof PspfError)) throw error;
    const reason = error.message.slice(error.message.lastIndexOf(": ") + 2);
    return error.hint === undefined
      ? `is not valid: ${reason}`
      : `is not valid: ${reason} (${error.hint})`;
  }
}
