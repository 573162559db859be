import { computeLayout } from "../../lib/format/layout.ts";
import { assertEquals } from "@std/assert";
import { throwsCode } from "../support/throws_code.ts";

Deno.test("computeLayout() puts what is known last at the end, aligned", {
  permissions: "none",
}, () => {
  const layout = computeLayout({
    launcher: 21,
    slots: [1, 0, 9],
    metadata: 5,
  });
  assertEquals(layout.slotOffsets, [24, 25, 32]);
  assertEquals(layout.metadataOffset, 48);
  assertEquals(layout.slotTableOffset, 56);
  assertEquals(layout.trailerOffset, 56 + 3 * 64);
  assertEquals(layout.packageSize, 56 + 3 * 64 + 8200);
});

Deno.test("computeLayout() needs no slots", { permissions: "none" }, () => {
  const layout = computeLayout({ launcher: 10, slots: [], metadata: 5 });
  assertEquals(layout.metadataOffset, 16);
  assertEquals(layout.slotTableOffset, 24);
  assertEquals(layout.trailerOffset, 24);
});

Deno.test("computeLayout() refuses what no package can be", {
  permissions: "none",
}, () => {
  const slots = new Array(65_536).fill(0);
  throwsCode(
    "build/limit",
    () => computeLayout({ launcher: 0, metadata: 0, slots }),
  );
  const huge = { launcher: Number.MAX_SAFE_INTEGER, metadata: 0, slots: [] };
  throwsCode("build/limit", () => computeLayout(huge));
});
