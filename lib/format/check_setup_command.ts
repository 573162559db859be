import type { JsonValue } from "../errors.ts";
import { JsonFields } from "./json_fields.ts";

/**
 * Checks that a setup command is one a launcher can read: a command line, or
 * an object with the fields that its type needs. A type that nobody knows is
 * no error here: running it is.
 *
 * @param command An element of `setup_commands`.
 * @param index Its place in the list, from 0.
 * @returns The command as it is.
 * @throws {PspfError} `format/bad-metadata`
 */
export function checkSetupCommand(
  command: JsonValue,
  index: number,
): JsonValue {
  if (typeof command === "string") return command;
  const fields = new JsonFields(command, `setup_commands[${index}]`);
  const type = fields.string("type", "execute");
  // Types come from the package: `constructor` is one that nobody knows.
  const needed = NEEDED.get(type) ?? [];
  for (const key of ["command", "path", "content"]) {
    if (needed.includes(key)) fields.string(key);
    else fields.maybeString(key, key);
  }
  // The Go launcher writes modes as numbers.
  if (typeof fields.value("mode") === "number") fields.integer("mode", 0);
  else fields.maybeString("mode", "mode");
  fields.boolean("batch", false);
  const enumerate = needed.includes("enumerate")
    ? fields.required("enumerate")
    : fields.section("enumerate");
  enumerate.maybeString("path", "path");
  enumerate.maybeString("pattern", "pattern");
  return command;
}

/** Fields without which a type means nothing. */
const NEEDED: ReadonlyMap<string, readonly string[]> = new Map([
  ["execute", ["command"]],
  ["shell", ["command"]],
  ["enumerate_and_execute", ["command", "enumerate"]],
  ["write_file", ["path", "content"]],
  ["chmod", ["path"]],
]);
