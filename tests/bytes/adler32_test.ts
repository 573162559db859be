import { adler32 } from "../../lib/bytes/adler32.ts";
import { assertEquals } from "@std/assert";
import vectors from "../vectors/vectors.json" with { type: "json" };

Deno.test("adler32() gives the checksums of the shared vectors", {
  permissions: "none",
}, () => {
  for (const [text, checksum] of vectors.adler32) {
    assertEquals(adler32(new TextEncoder().encode(String(text))), checksum);
  }
  assertEquals(adler32(new Uint8Array(8192)), vectors.adler32_zero8192);
});

Deno.test("adler32() does not overflow on the worst bytes", {
  permissions: "none",
}, () => {
  const bytes = new Uint8Array(1_000_000).fill(0xff);
  let low = 1n;
  let high = 0n;
  for (const byte of bytes) {
    low = (low + BigInt(byte)) % 65521n;
    high = (high + low) % 65521n;
  }
  assertEquals(BigInt(adler32(bytes)), (high << 16n) | low);
});

Deno.test("adler32() continues from any split", { permissions: "none" }, () => {
  const bytes = Uint8Array.from(
    { length: 12_345 },
    (_, index) => (index * 31) & 0xff,
  );
  const whole = adler32(bytes);
  for (const split of [0, 1, 5551, 5552, 5553, bytes.length]) {
    assertEquals(
      adler32(bytes.subarray(split), adler32(bytes.subarray(0, split))),
      whole,
    );
  }
});
