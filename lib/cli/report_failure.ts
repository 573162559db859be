import {
  ERROR_CODES,
  isPspfError,
  type JsonValue,
  PspfError,
} from "../errors.ts";
import type { Output } from "./output.ts";
import { visibleText } from "./text.ts";

/** Says what ended a command, and gives the exit code for it. */
export function reportFailure(
  error: unknown,
  output: Output,
  debug: boolean,
): number {
  const first = firstOf(error);
  const known = isPspfError(first) ? first : unexpected(first);
  const { code, message, hint, context, stack } = known;
  const value: Record<string, JsonValue> = {
    code,
    message,
    context,
    ...(hint !== undefined && { hint }),
    ...(debug && stack !== undefined && { stack }),
  };
  const paint = output.errorPaint;
  const lines = [
    `${paint.bad("error")}: ${visibleText(message, true)} ${
      paint.faint(`[${code}]`)
    }`,
    ...(hint === undefined
      ? []
      : [`${paint.strong("hint")}: ${visibleText(hint, true)}`]),
    ...(debug ? [stackOf(known)] : []),
  ];
  output.failure({ error: value }, lines.join("\n"));
  return ERROR_CODES[code].exit;
}

/** Clearing up can fail too, but what made it necessary is what matters. */
function firstOf(error: unknown): unknown {
  return error instanceof SuppressedError ? firstOf(error.suppressed) : error;
}

function unexpected(error: unknown): PspfError {
  const message = error instanceof Error ? error.message : String(error);
  return new PspfError("internal/bug", `This should not happen: ${message}`, {
    hint: "Run the same command with --debug and report what it prints",
    cause: error,
  });
}

function stackOf(error: Error): string {
  const { cause } = error;
  const own = error.stack ?? error.message;
  return cause instanceof Error ? `${own}\ncaused by ${stackOf(cause)}` : own;
}
