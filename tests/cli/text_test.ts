import { assertEquals } from "@std/assert";

import { parseAge, parseSize } from "../../lib/cli/parse_amount.ts";
import {
  formatAge,
  formatCount,
  formatDuration,
  formatSize,
  formatTable,
  visibleText,
} from "../../lib/cli/text.ts";
import { throwsCode } from "../support/throws_code.ts";

const PERMISSIONS = { permissions: "none" } as const;

Deno.test(
  "formatCount() uses the plural for everything but one",
  PERMISSIONS,
  () => {
    assertEquals(
      [0, 1, 2, 12_345].map((count) => formatCount(count, "slot")),
      ["0 slots", "1 slot", "2 slots", "12,345 slots"],
    );
  },
);

Deno.test("formatSize() counts in powers of 1024", PERMISSIONS, () => {
  assertEquals([0, 1, 1023, 1024, 1_572_864].map(formatSize), [
    "0 B",
    "1 B",
    "1023 B",
    "1 KiB",
    "1.5 MiB",
  ]);
});

Deno.test(
  "formatDuration() and formatAge() keep to the units that matter",
  PERMISSIONS,
  () => {
    assertEquals([0, 0.2, 59, 60, 80, 720, 3_660, 90_000].map(formatDuration), [
      "0 s",
      "0 s",
      "59 s",
      "1 min",
      "1 min 20 s",
      "12 min",
      "1 h 1 min",
      "1 d 1 h",
    ]);
    assertEquals([10, 59_999, 80_000, 90_000_000].map(formatAge), [
      "now",
      "now",
      "1 min",
      "1 d",
    ]);
  },
);

Deno.test(
  "formatTable() aligns columns and shows no control characters",
  PERMISSIONS,
  () => {
    assertEquals(
      formatTable([["a", "1", "x"], ["bcd\x1b", "20", ""]], [1]),
      "a         1  x\nbcd\\x1b  20",
    );
    assertEquals(visibleText("a\u202eb\n", true), "a\\u202eb\n");
  },
);

Deno.test(
  "parseAge() and parseSize() read units and refuse anything else",
  PERMISSIONS,
  () => {
    const ages = ["90s", "5m", "12h", "30d", "2w", "3"];
    assertEquals(ages.map((text) => parseAge(text, "--x")), [
      90_000,
      300_000,
      43_200_000,
      2_592_000_000,
      1_209_600_000,
      259_200_000,
    ]);
    const sizes = ["10", "1K", "1.5M", "2GiB"];
    assertEquals(sizes.map((text) => parseSize(text, "--x")), [
      10,
      1024,
      1_572_864,
      2_147_483_648,
    ]);
    for (const text of ["", "x", "-1d", "1y", "1e9", "huge"]) {
      throwsCode("usage/bad-argument", () => parseAge(text, "--x"));
      throwsCode("usage/bad-argument", () => parseSize(text, "--x"));
    }
  },
);
