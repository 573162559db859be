import { ERROR_CODES } from "../../lib/errors.ts";
import { markdownTable } from "./markdown_table.ts";

/**
 * Every error code with what it means to a person, a shell and the launcher.
 *
 * @returns A Markdown table.
 */
export function errorReference(): string {
  return markdownTable(
    ["Code", "Meaning", "`flavor` exits with", "A package exits with"],
    Object.entries(ERROR_CODES).map(([code, { title, exit, launcher }]) => [
      `\`${code}\``,
      title,
      String(exit),
      String(launcher),
    ]),
  );
}
