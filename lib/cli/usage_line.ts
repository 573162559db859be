import type { CommandSpec } from "./command_spec.ts";

/**
 * How a command is called, for `--help` and for the reference page.
 *
 * @param name The command.
 * @param spec Its operands.
 * @returns Such as `flavor run [OPTIONS] PKG [-- ARGS...]`.
 */
export function usageLine(name: string, spec: CommandSpec): string {
  const operands = spec.operands.map(({ value, optional }) =>
    optional === true ? `[${value}]` : value
  );
  return [
    "flavor",
    name,
    "[OPTIONS]",
    ...operands,
    ...(spec.rest === undefined ? [] : [`[-- ${spec.rest}...]`]),
  ].join(" ");
}
