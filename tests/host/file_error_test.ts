import { assert, assertEquals } from "@std/assert";

import { isPspfError, PspfError } from "../../lib/errors.ts";
import { fileError, isMissing } from "../../lib/host/file_error.ts";

/** What the operating system's errors look like: some have a code, some do not. */
const CASES = [
  ["ENOENT", 2, "io/not-found"],
  ["EACCES", 13, "io/denied"],
  ["EROFS", 30, "io/denied"],
  ["EEXIST", 17, "io/exists"],
  ["ENOSPC", 28, "io/no-space"],
  ["EFBIG", 27, "io/no-space"],
  ["ENOTDIR", 20, "io/failed"],
  ["EIO", 5, "io/failed"],
] as const;

for (const [name, number, code] of CASES) {
  Deno.test(
    `fileError() makes ${code} of ${name}, with its code or its number`,
    {
      ignore: Deno.build.os !== "linux",
    },
    () => {
      const coded = Object.assign(new Error("text"), { code: name });
      const numbered = new Error(`Some text (os error ${number})`);
      for (const error of [coded, numbered]) {
        const translated = fileError(error, 'open "app.psp"', "app.psp");
        assertEquals(isPspfError(translated, code), true);
        if (!isPspfError(translated)) return;
        assertEquals(translated.context, { path: "app.psp", system: name });
        assertEquals(
          translated.message.startsWith('Cannot open "app.psp": '),
          true,
        );
      }
    },
  );
}

Deno.test("fileError() passes on what does not come from the system", () => {
  const own = new PspfError("io/exists", "It is there");
  const bug = new TypeError("a mistake");
  assertEquals(fileError(own, "open", "x"), own);
  assertEquals(fileError(bug, "open", "x"), bug);
});

Deno.test("isMissing() knows a missing file and a file in place of a directory", () => {
  const coded = (code: string): Error => Object.assign(new Error(""), { code });
  assertEquals(
    ["ENOENT", "ENOTDIR", "EACCES"].map((code) => isMissing(coded(code))),
    [
      true,
      true,
      false,
    ],
  );
});

Deno.test("fileError() says of /dev that it is the system's, not which flags Deno has", () => {
  const refused = new Deno.errors.NotCapable(
    'Requires all access to "/dev", run again with the --allow-all flag',
  );
  const error = fileError(refused, 'create "/dev"', "/dev");
  assert(isPspfError(error, "io/denied"));
  assertEquals(error.message, 'Cannot create "/dev": it belongs to the system');
});
