import { checkEntryPath, checkLinkTarget } from "@flavor/pspf/archive";
import { assertEquals } from "@std/assert";
import { throwsCode } from "../support/throws_code.ts";

Deno.test(
  "checkEntryPath() cleans what is harmless",
  { permissions: "none" },
  () => {
    const cases = {
      "a/b": "a/b",
      "./a": "a",
      "a//b/": "a/b",
      "a/./b": "a/b",
      ".": "",
      "": "",
      "..a/b..": "..a/b..",
      "a b\\c": "a b\\c",
    };
    for (const [path, clean] of Object.entries(cases)) {
      assertEquals(
        checkEntryPath(path),
        clean,
      );
    }
  },
);

Deno.test(
  "checkEntryPath() refuses what could leave",
  { permissions: "none" },
  () => {
    const paths = [
      "/a",
      "\\a",
      "\\\\host\\share",
      "..",
      "a/..",
      "../a",
      "a\\..\\b",
      "c:a",
      "a\0",
    ];
    for (const path of paths) {
      throwsCode(
        "archive/unsafe-path",
        () => checkEntryPath(path),
      );
    }
  },
);

Deno.test("checkEntryPath() counts bytes, not characters", {
  permissions: "none",
}, () => {
  assertEquals(checkEntryPath("é".repeat(127)).length, 127);
  throwsCode("archive/unsafe-path", () => checkEntryPath("é".repeat(128)));
});

Deno.test("checkLinkTarget() refuses what no link can hold", {
  permissions: "none",
}, () => {
  assertEquals(checkLinkTarget("/usr/bin/env"), "/usr/bin/env");
  for (const target of ["", "a\0b", "x".repeat(4097)]) {
    throwsCode("archive/bad-entry", () => checkLinkTarget(target));
  }
});
