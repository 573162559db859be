import { slotPath } from "../../lib/read/slot_content.ts";
import type { PackageSlot } from "@flavor/pspf/read";
import { assertEquals } from "@std/assert";
import { throwsCode } from "../support/throws_code.ts";

function pathOf(target: string, name = "app"): string {
  const slot = { index: 0, id: "s", metadata: { target } } as PackageSlot;
  return slotPath(slot, { name, version: "1.2" });
}

Deno.test("slotPath() replaces the placeholders that mean the same everywhere", () => {
  assertEquals(pathOf("{workenv}/bin/x"), "bin/x");
  assertEquals(pathOf("bin/{package_name}-{version}"), "bin/app-1.2");
  assertEquals(pathOf("lib/{os}/{other}"), "lib/{os}/{other}");
});

Deno.test("slotPath() refuses a way out that hides in a placeholder", () => {
  for (const name of ["..", "/etc", "a/../.."]) {
    throwsCode("archive/unsafe-path", () => pathOf("{package_name}/x", name));
  }
  throwsCode("archive/unsafe-path", () => pathOf("{workenv}../x"));
});

Deno.test("slotPath() refuses a target that depends on another slot or names no file", () => {
  throwsCode("format/bad-metadata", () => pathOf("{slot:0}/x"));
  throwsCode("format/bad-metadata", () => pathOf("{primary}/x"));
  throwsCode("archive/unsafe-path", () => pathOf("{workenv}/"));
});
