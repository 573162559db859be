import { packedMode } from "../../lib/archive/mode_rule.ts";
import { assertEquals } from "@std/assert";

Deno.test("packedMode() derives the bits of group and others from the owner's", () => {
  const cases = [
    [0o600, 0o644],
    [0o640, 0o644],
    [0o664, 0o644],
    [0o666, 0o644],
    [0o700, 0o755],
    [0o775, 0o755],
    [0o555, 0o555],
    [0o500, 0o555],
    [0o444, 0o444],
    [0o4755, 0o755],
    [0o077, 0o000],
  ] as const;
  for (const [mode, expected] of cases) {
    assertEquals(packedMode(mode, "owner"), expected, mode.toString(8));
  }
});

Deno.test("packedMode() keeps all nine bits where they are wanted", () => {
  assertEquals(packedMode(0o4640, "exact"), 0o640);
});
