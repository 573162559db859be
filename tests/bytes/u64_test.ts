import { alignUp, toBoundedNumber } from "../../lib/bytes/u64.ts";
import { PspfError } from "../../lib/errors.ts";
import { assertEquals, assertThrows } from "@std/assert";

Deno.test("toBoundedNumber() accepts its bound and nothing above", {
  permissions: "none",
}, () => {
  assertEquals(toBoundedNumber(10n, { max: 10, what: "size" }), 10);
  assertEquals(toBoundedNumber(0n, { max: 10, what: "size" }), 0);
  for (const value of [11n, 1n << 32n, 1n << 63n, (1n << 64n) - 1n, -1n]) {
    const error = assertThrows(
      () => toBoundedNumber(value, { max: 10, what: "size" }),
      PspfError,
    );
    assertEquals(error.code, "format/bad-range");
    assertEquals(error.context["actual"], value.toString());
  }
});

Deno.test("toBoundedNumber() throws the code asked for", {
  permissions: "none",
}, () => {
  const options = { max: 1, what: "size", code: "format/too-large" } as const;
  const error = assertThrows(() => toBoundedNumber(2n, options), PspfError);
  assertEquals(error.code, "format/too-large");
});

Deno.test(
  "alignUp() stays exact beyond 32 bits",
  { permissions: "none" },
  () => {
    assertEquals(alignUp(2 ** 40 + 1, 8), 2 ** 40 + 8);
    assertEquals(alignUp(2 ** 40, 8), 2 ** 40);
  },
);
