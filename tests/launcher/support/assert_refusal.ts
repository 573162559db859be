import {
  assert,
  assertEquals,
  assertMatch,
  assertStringIncludes,
} from "@std/assert";
import type { PspfErrorCode } from "../../../lib/errors.ts";
import errorCodes from "../../vectors/error_codes.json" with { type: "json" };
import type { RunResult } from "./run_command.ts";

/** What the launcher has to say when it does not start a program. */
export interface Refusal {
  readonly code: PspfErrorCode;
  /** Where: a path or a part of one. */
  readonly where: string;
  /** Words that the message has to hold, beside the place. */
  readonly says?: RegExp;
}

/**
 * Asserts that the launcher refused: nothing on stdout, the exit code of the
 * error, and a message that says what failed, where, and what to do next.
 */
export function assertRefusal(result: RunResult, refusal: Refusal): void {
  const { code, where, says = /./ } = refusal;
  const { stderr } = result;
  assertMatch(stderr, /^error: \S/);
  assertStringIncludes(stderr, `[${code}]\n`);
  assertStringIncludes(stderr, where);
  assertMatch(stderr, says);
  assertMatch(stderr, /^ {2}hint: \S/m);
  assertEquals(result.code, errorCodes[code].launcher, stderr);
  assertEquals(result.stdout, "");
}

/** Asserts that the launcher ended with an error of its own, whichever it was. */
export function assertOwnError(result: RunResult, where: string): void {
  const { stderr, code } = result;
  const [, named = ""] =
    /^error: [^]*? \[([a-z-]+\/[a-z-]+)\]$/m.exec(stderr) ??
      [];
  const known = Object.entries(errorCodes).find(([key]) => key === named);
  assert(
    known !== undefined,
    `${where}: exit ${code}, stderr ${JSON.stringify(stderr)}`,
  );
  assertEquals(code, known[1].launcher, `${where}: ${stderr}`);
}
