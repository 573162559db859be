import { BytesSource } from "@flavor/pspf/io";
import { assertEquals } from "@std/assert";
import { encodeHex } from "@std/encoding/hex";
import { Buffer } from "node:buffer";

Deno.test("BytesSource hands out plain bytes of a Buffer, so that encoding them leaves it whole", async () => {
  const buffer = Buffer.from([1, 2, 3, 4]);
  await using source = new BytesSource(buffer);
  assertEquals(encodeHex(await source.read(1, 2)), "0203");
  assertEquals(buffer.length, 4);
});
