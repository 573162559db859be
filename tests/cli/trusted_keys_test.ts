import { assertStringIncludes } from "@std/assert";

import { readTrustedKeys } from "../../lib/cli/package_file.ts";
import { createDenoHost } from "../../lib/host/deno_host.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { tempDir } from "../support/temp_dir.ts";

const { reader } = createDenoHost();

Deno.test("readTrustedKeys() names the file that holds no public key", async () => {
  await using dir = await tempDir();
  const path = await dir.write("notes.txt", "no key");
  const error = await rejectsCode(
    "crypto/bad-key",
    () => readTrustedKeys(["0".repeat(64), path], reader),
  );
  assertStringIncludes(error.message, path);
});

Deno.test("readTrustedKeys() says what a key may be when it finds no such file", async () => {
  await using dir = await tempDir();
  const error = await rejectsCode(
    "io/not-found",
    () => readTrustedKeys([dir.at("0123abcd")], reader),
  );
  assertStringIncludes(error.hint ?? "", "64 hexadecimal digits");
});
