import { assertEquals } from "@std/assert";
import { ERROR_CODES, isPspfError, PspfError } from "../lib/errors.ts";

Deno.test("ERROR_CODES equals the table that the launcher is tested against", async () => {
  const url = new URL("./vectors/error_codes.json", import.meta.url);
  assertEquals({ ...ERROR_CODES }, JSON.parse(await Deno.readTextFile(url)));
});

Deno.test("PspfError.toJSON() carries code, message, hint and context, and no stack", () => {
  const error = new PspfError("io/not-found", 'Cannot open "a"', {
    context: { path: "a" },
    hint: "Check the path",
    cause: new Error("ENOENT"),
  });
  assertEquals(JSON.parse(JSON.stringify(error)), {
    code: "io/not-found",
    message: 'Cannot open "a"',
    hint: "Check the path",
    context: { path: "a" },
  });
  assertEquals((error.cause as Error).message, "ENOENT");
});

Deno.test("isPspfError() tells codes apart", () => {
  const error: unknown = new PspfError("verify/seal", "Cannot verify");
  assertEquals(isPspfError(error), true);
  assertEquals(isPspfError(error, "verify/seal"), true);
  assertEquals(isPspfError(error, "verify/signature"), false);
  assertEquals(isPspfError(new Error("other")), false);
});
