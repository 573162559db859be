import {
  checkEntryPath,
  checkLinkTarget,
} from "../../lib/archive/path_policy.ts";
import { assert, assertEquals } from "@std/assert";
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
  assertEquals(checkLinkTarget("é".repeat(2047)).length, 2047);
  for (const target of ["", "a\0b", "x".repeat(4096), "é".repeat(2048)]) {
    throwsCode("archive/bad-entry", () => checkLinkTarget(target));
  }
});

Deno.test("checkEntryPath() ends at 4096 bytes and 256 names", {
  permissions: "none",
}, () => {
  const path = (names: number, length: number): string =>
    `${"n/".repeat(names - 1)}`.padEnd(length, "x");
  const long = Array.from({ length: 16 }, () => "n".repeat(255)).join("/");
  assertEquals(long.length, 4095);
  assertEquals(checkEntryPath(`${long}/`), long);
  const tooLong = throwsCode(
    "archive/unsafe-path",
    () => checkEntryPath(`${long}//`),
  );
  assert(tooLong.message.endsWith(": it is longer than 4096 bytes"));
  assertEquals(checkEntryPath(path(256, 520)).length, 520);
  const tooDeep = throwsCode(
    "archive/unsafe-path",
    () => checkEntryPath(path(257, 520)),
  );
  assert(tooDeep.message.endsWith(": it has more than 256 names"));
});

Deno.test("checkEntryPath() shows 200 characters of a path at most, quoted", {
  permissions: "none",
}, () => {
  const shown = (path: string): unknown =>
    throwsCode("archive/unsafe-path", () => checkEntryPath(path))
      .context["path"];
  const path = (length: number): string => "/\n".padEnd(length, "x");
  assertEquals(shown(path(200)), path(200));
  assertEquals(shown(path(201)), `${path(197)}...`);
  const { message } = throwsCode(
    "archive/unsafe-path",
    () => checkEntryPath("/\n"),
  );
  assertEquals(message, 'Cannot use the path "/\\n": it is absolute');
});
