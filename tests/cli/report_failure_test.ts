import { assertEquals, assertStringIncludes } from "@std/assert";

import { createConsoleOutput } from "../../lib/cli/mod.ts";
import { reportFailure } from "../../lib/cli/report_failure.ts";
import { PspfError } from "../../lib/errors.ts";
import { capturedHost } from "../support/captured_host.ts";

function report(error: unknown, debug = false): [number, string] {
  let text = "";
  const host = capturedHost({ cwd: "/" }, () => {}, (part) => text += part);
  return [reportFailure(error, createConsoleOutput(host), debug), text];
}

Deno.test("reportFailure() shows message, code and hint, and a stack only for --debug", () => {
  const error = new PspfError("io/not-found", "There is no file", {
    hint: "Make one",
    cause: new Error("the system's word"),
  });
  assertEquals(report(error), [
    5,
    "error: There is no file [io/not-found]\nhint: Make one\n",
  ]);
  const [, text] = report(error, true);
  assertStringIncludes(text, "    at ");
  assertStringIncludes(text, "caused by Error: the system's word");
});

Deno.test("reportFailure() tells what ended the work, not what went wrong while clearing up", async () => {
  try {
    await using _ = {
      [Symbol.asyncDispose]: () => Promise.reject(new Error("second")),
    };
    throw new PspfError("manifest/invalid", "first");
  } catch (error) {
    assertEquals(report(error), [3, "error: first [manifest/invalid]\n"]);
  }
});

Deno.test("reportFailure() shows no stack of a bug either", () => {
  const [code, text] = report(new TypeError("x is not a function"));
  assertEquals(code, 1);
  assertStringIncludes(text, "x is not a function [internal/bug]");
  assertEquals(text.includes("    at "), false);
});
