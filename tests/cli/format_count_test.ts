import { assertEquals } from "@std/assert";

import { formatCount } from "../../lib/cli/format_count.ts";

Deno.test("formatCount() uses the plural for everything but one", () => {
  const texts = [0, 1, 2].map((count) => formatCount(count, "slot"));
  assertEquals(texts, ["0 slots", "1 slot", "2 slots"]);
});
