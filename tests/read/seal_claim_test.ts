import { assert, assertEquals } from "@std/assert";
import { writeIndexChecksum } from "../../lib/format/index_block.ts";
import { BytesSource } from "@flavor/pspf/io";
import { type VerifyLevel, verifyPackage } from "@flavor/pspf/read";
import { SEAL_OFFSET, SEAL_SIZE } from "../../lib/format/seal.ts";
import { buildInMemory, planOf } from "../pack/build_in_memory.ts";

const TRAILER_SIZE = 8200;

/** Takes the seal away as an attacker would, with a right checksum. */
async function stripSeal(): Promise<BytesSource> {
  const plan = planOf(['{ id = "a", source = "a", target = "a" }']);
  const { bytes } = await buildInMemory(plan, { a: "content of the slot" });
  const start = bytes.length - TRAILER_SIZE + 4;
  const block = bytes.subarray(start, start + 8192);
  block.fill(0, SEAL_OFFSET, SEAL_OFFSET + SEAL_SIZE);
  writeIndexChecksum(block);
  return new BytesSource(bytes, "stripped.psp");
}

Deno.test("verifyPackage() refuses a package whose seal was taken away", async (t) => {
  const expected: Record<VerifyLevel, string> = {
    strict: "fail",
    standard: "fail",
    relaxed: "warn",
    minimal: "skip",
    none: "skip",
  };
  for (const [level, status] of Object.entries(expected)) {
    await t.step(level, async () => {
      await using source = await stripSeal();
      const report = await verifyPackage(source, {
        level: level as VerifyLevel,
      });
      const claim = report.checks.find(({ id }) => id === "seal-claim");
      assert(claim !== undefined);
      assertEquals(claim.status, status);
      assertEquals(
        claim.code,
        level === "none" ? undefined : "verify/unsealed",
      );
    });
  }
});
