/** Every byte of the seal's place. */

import { parseSeal } from "@flavor/pspf/format";
import { assertEquals } from "@std/assert";
import {
  encodeSeal,
  hasSeal,
  SEAL_OFFSET,
  writeSealSignature,
} from "../../lib/format/seal.ts";
import { throwsCode } from "../support/throws_code.ts";

const filled = (size: number, value: number): Uint8Array =>
  new Uint8Array(size).fill(value);

function sealedBlock(): Uint8Array {
  const block = filled(8192, 0xff);
  block.set(
    encodeSeal({
      launcherDigest: filled(32, 1),
      slotTableDigest: filled(32, 2),
    }),
    SEAL_OFFSET,
  );
  writeSealSignature(block, filled(64, 3));
  return block;
}

Deno.test("parseSeal() reads back what was written, whatever lies around it", () => {
  assertEquals(parseSeal(sealedBlock()), {
    launcherDigest: filled(32, 1),
    slotTableDigest: filled(32, 2),
    signature: filled(64, 3),
  });
});

Deno.test("parseSeal() refuses every reserved byte that is not zero, and names it", () => {
  for (const [from, to] of [[12, 16], [80, 112], [176, 512]] as const) {
    for (let at = from; at < to; at++) {
      const block = sealedBlock();
      block[SEAL_OFFSET + at] = 9;
      const error = throwsCode("format/bad-seal", () => parseSeal(block));
      assertEquals(error.context, {
        index_offset: SEAL_OFFSET + at,
        actual: 9,
        expected: 0,
      });
    }
  }
});

Deno.test("parseSeal() refuses another version and another algorithm", () => {
  for (const [at, what] of [[8, "version"], [10, "algorithm"]] as const) {
    for (const [low, high] of [[0, 0], [2, 0], [1, 1]] as const) {
      const block = sealedBlock();
      block.set([low, high], SEAL_OFFSET + at);
      const error = throwsCode("format/bad-seal", () => parseSeal(block));
      assertEquals(error.context, {
        what,
        actual: low + 256 * high,
        expected: 1,
      });
    }
  }
});

Deno.test("what does not begin like a seal is none", () => {
  for (let at = 0; at < 8; at++) {
    const block = sealedBlock();
    block[SEAL_OFFSET + at] = 0x20;
    assertEquals([hasSeal(block), parseSeal(block)], [false, undefined]);
  }
});
