import { assertEquals, assertRejects, assertThrows } from "@std/assert";
import { PspfError, type PspfErrorCode } from "../../lib/errors.ts";

/** Asserts that a call throws a {@linkcode PspfError} of one code. */
export function throwsCode(
  code: PspfErrorCode,
  call: () => unknown,
): PspfError {
  const error = assertThrows(call, PspfError);
  assertEquals(error.code, code, error.message);
  return error;
}

/** Asserts that a promise rejects with a {@linkcode PspfError} of one code. */
export async function rejectsCode(
  code: PspfErrorCode,
  call: () => Promise<unknown>,
): Promise<PspfError> {
  const error = await assertRejects(call, PspfError);
  assertEquals(error.code, code, error.message);
  return error;
}
