import { encodeHex } from "@std/encoding/hex";
import { assertEquals } from "@std/assert";
import process from "node:process";

import {
  type BlockJob,
  compressBlock,
  prepareKind,
} from "../../lib/compress/compress_block.ts";
import { sha256 } from "../../lib/crypto/sha256.ts";
import vectors from "../vectors/compressed.json" with { type: "json" };
import { sharedContent } from "./shared_content.ts";

for (const [kind, library] of Object.entries(vectors.libraries)) {
  Deno.test(`compressBlock() gives the bytes of ${kind} that flavor-rs-builder gives`, async () => {
    await prepareKind(kind as BlockJob["kind"]);
    for (const block of vectors.blocks) {
      if (block.kind !== kind) continue;
      const { output } = compressBlock({
        kind: block.kind as BlockJob["kind"],
        level: block.level,
        input: sharedContent(block.content),
        last: true,
      });
      // Another version compresses otherwise: then these packages are still right, but not the same.
      const what = `${kind} of Deno ${Deno.version.deno} (zlib ${
        process.versions["zlib"]
      }) against ${library}, level ${block.level}, ${block.content} bytes`;
      assertEquals(encodeHex(await sha256(output)), block.sha256, what);
    }
  });
}
