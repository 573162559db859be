import { isPspfError, PspfError } from "../errors.ts";

/**
 * Runs something that writes files whose names the user did not choose, so
 * that "choose another name" would be no advice.
 *
 * @param hint What to do about a file that exists.
 * @param body What writes the files.
 * @returns What `body` returns.
 * @throws {PspfError} `io/exists` with this hint; what `body` throws else.
 */
export async function withExistsHint<Value>(
  hint: string,
  body: () => Promise<Value>,
): Promise<Value> {
  try {
    return await body();
  } catch (error) {
    if (!isPspfError(error, "io/exists")) throw error;
    const { code, message, context } = error;
    throw new PspfError(code, message, { context, hint, cause: error });
  }
}
