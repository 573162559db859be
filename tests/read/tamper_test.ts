/** No changed, missing or added byte may pass. */

import { BytesSource } from "@flavor/pspf/io";
import { verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { readVector } from "../support/vectors.ts";

async function isValid(bytes: Uint8Array): Promise<boolean> {
  return (await verifyPackage(new BytesSource(bytes))).valid;
}

Deno.test("verifyPackage() refuses the sealed vector with any one byte changed", async () => {
  const file = await readVector("sealed.psp");
  assert(await isValid(file));
  for (let at = 0; at < file.length; at++) {
    const changed = file.slice();
    changed[at] = (changed[at] ?? 0) ^ (1 << at % 8);
    assert(!await isValid(changed), `byte ${at}`);
  }
});

Deno.test("verifyPackage() refuses the sealed vector cut short anywhere", async () => {
  const file = await readVector("sealed.psp");
  for (let length = 0; length < file.length; length++) {
    assert(!await isValid(file.subarray(0, length)), `${length} bytes`);
  }
});

Deno.test("verifyPackage() refuses the sealed vector with bytes cut out or added", async () => {
  const file = await readVector("sealed.psp");
  for (let at = 0; at <= file.length; at += 97) {
    const longer = new Uint8Array(file.length + 1);
    longer.set(file.subarray(0, at));
    longer.set(file.subarray(at), at + 1);
    assert(!await isValid(longer), `a byte added at ${at}`);
    assert(
      !await isValid(file.subarray(Math.min(at + 1, file.length))),
      `${at + 1} bytes missing`,
    );
  }
});

Deno.test("verifyPackage() says how many bytes were appended", async () => {
  const file = await readVector("sealed.psp");
  const longer = new Uint8Array(file.length + 5);
  longer.set(file);
  const { checks } = await verifyPackage(new BytesSource(longer));
  assertEquals(checks.map(({ code }) => code), ["format/not-a-package"]);
});
