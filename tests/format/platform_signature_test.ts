import { sha256 } from "@flavor/pspf/crypto";
import { assertEquals } from "@std/assert";
import { decodeHex, encodeHex } from "@std/encoding/hex";
import {
  clearRewritten,
  examineExecutable,
  findSignature,
  packageEnd,
} from "../../lib/format/platform_signature.ts";
import vectors from "../vectors/platform_signatures.json" with { type: "json" };
import { throwsCode } from "../support/throws_code.ts";

for (const vector of vectors.cases) {
  Deno.test(`platform signature: ${vector.name}`, async () => {
    const head = decodeHex(vector.head);
    if (vector.error === "launcher/wrong-format") {
      throwsCode(vector.error, () => examineExecutable(head));
      return;
    }
    const found = examineExecutable(head);
    assertEquals(found?.kind, vector.kind ?? undefined);
    if (found === undefined) return;
    assertEquals(
      found.rewritten.map(({ offset, size }) => [offset, size]),
      vector.rewritten,
    );
    // In pieces, as a file is read.
    for (const size of [7, head.length]) {
      const cleared = head.slice();
      for (let at = 0; at < head.length; at += size) {
        clearRewritten(found, at, cleared.subarray(at, at + size));
      }
      assertEquals(encodeHex(await sha256(cleared)), vector.cleared_sha256);
    }
    const signature = findSignature(found, vector.file_size);
    assertEquals(
      signature && [signature.offset, signature.size],
      vector.signature ?? undefined,
    );
    if (signature === undefined || vector.before === undefined) return;
    assertEquals(
      packageEnd(found, signature, decodeHex(vector.before)),
      vector.package_end ?? undefined,
    );
  });
}
