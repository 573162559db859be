import { assertEquals, assertRejects } from "@std/assert";
import { BytesSource } from "@flavor/pspf/io";
import { openPackage } from "../../lib/read/open_package.ts";
import type { VerifyLevel } from "@flavor/pspf/read";
import { PspfError } from "../../lib/errors.ts";
import { SEAL_OFFSET } from "../../lib/format/seal.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";

const SLOTS = [{ id: "a", stored: new TextEncoder().encode("content of a") }];

/** A package whose seal is of a version that nobody knows. */
async function badSeal(): Promise<BytesSource> {
  return new BytesSource(
    await makeSealedPackage({
      slots: SLOTS,
      editBlock: (block) => block.fill(9, SEAL_OFFSET + 8, SEAL_OFFSET + 9),
    }),
  );
}

Deno.test("openPackage() refuses a seal that it cannot read at every level but none", async () => {
  const levels: VerifyLevel[] = ["strict", "standard", "relaxed", "minimal"];
  for (const level of levels) {
    const error = await assertRejects(
      async () => await openPackage(await badSeal(), { level }),
      PspfError,
    );
    assertEquals(error.code, "format/bad-seal", level);
  }
  const opened = await openPackage(await badSeal(), { level: "none" });
  assertEquals(opened.seal, undefined);
});

Deno.test("openPackage() holds a sealed package to its own description at level none", async () => {
  const bytes = await makeSealedPackage({
    slots: SLOTS,
    editDescriptor: (slot) => ({ ...slot, permissions: 0o777 }),
  });
  const error = await assertRejects(
    async () => await openPackage(new BytesSource(bytes), { level: "none" }),
    PspfError,
  );
  assertEquals(error.code, "format/bad-slot");
});
