import { computeLayout } from "@flavor/pspf/format";
import { assertEquals, assertThrows } from "@std/assert";
import { throwsCode } from "../support/throws_code.ts";

Deno.test("computeLayout() aligns slots to pages when asked", {
  permissions: "none",
}, () => {
  const layout = computeLayout({
    launcher: 24,
    metadata: 817,
    slots: [1, 0, 1],
  }, 4096);
  assertEquals(layout.slotTableOffset, 848);
  assertEquals(layout.slotOffsets, [4096, 4097, 8192]);
  assertEquals(layout.packageSize, 8193 + 8200);
});

Deno.test("computeLayout() puts an empty table after the metadata", {
  permissions: "none",
}, () => {
  const layout = computeLayout({ launcher: 10, metadata: 5, slots: [] });
  assertEquals(layout.slotTableOffset, 16);
  assertEquals(layout.slotTableSize, 0);
  assertEquals(layout.trailerOffset, 16);
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
  assertThrows(
    () => computeLayout({ launcher: 0, metadata: 0, slots: [] }, 4),
    RangeError,
  );
});
