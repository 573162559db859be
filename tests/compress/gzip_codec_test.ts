import { assert, assertEquals, assertThrows } from "@std/assert";
import { BlockCompressor } from "../../lib/compress/block_compressor.ts";
import { getCodec } from "../../lib/compress/codec.ts";
import { Operation } from "@flavor/pspf/format";
import { gunzipSync, gzipSync } from "node:zlib";
import { rejectsCode } from "../support/throws_code.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { readAll, trickle } from "../support/trickle.ts";

const gzip = getCodec(Operation.GZIP);

async function encode(
  bytes: Uint8Array,
  options: Parameters<typeof gzip.encode>[0] = {},
): Promise<Uint8Array> {
  return await readAll(
    trickle(bytes, 65_536).pipeThrough(gzip.encode(options)),
  );
}

async function decode(
  bytes: Uint8Array,
  limits: Parameters<typeof gzip.decode>[0] = {},
): Promise<Uint8Array> {
  return await readAll(trickle(bytes, 4096).pipeThrough(gzip.decode(limits)));
}

Deno.test("gzip encode() writes the fixed header of the format", async () => {
  const stored = await encode(new TextEncoder().encode("hello"));
  assertEquals(
    stored.slice(0, 10),
    Uint8Array.of(0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 2, 0xff),
  );
});

Deno.test("gzip encode() gives one member that any gzip can read", async (t) => {
  for (const length of [0, 1, 1024 * 1024, 1024 * 1024 + 1, 3_500_000]) {
    await t.step(`${length} bytes`, async () => {
      const bytes = pseudoRandomBytes(length, 5);
      const stored = await encode(bytes);
      assertEquals(new Uint8Array(gunzipSync(stored)), bytes);
    });
  }
});

Deno.test("gzip encode() gives the same bytes for any number of jobs", async () => {
  const bytes = pseudoRandomBytes(5_000_000, 5);
  const alone = await encode(bytes);
  for (const jobs of [1, 2, 5]) {
    using compressor = new BlockCompressor({ jobs });
    assertEquals(await encode(bytes, { compressor }), alone);
  }
});

Deno.test("gzip encode() refuses levels that do not exist", () => {
  for (const level of [0, 10, 1.5, NaN]) {
    assertThrows(() => gzip.encode({ level }), RangeError);
  }
});

Deno.test("gzip decode() reads several members", async () => {
  const one = gzipSync("one, ");
  const two = gzipSync("two");
  const both = new Uint8Array([...one, ...two]);
  assertEquals(new TextDecoder().decode(await decode(both)), "one, two");
});

Deno.test("gzip decode() refuses data that is cut anywhere", async () => {
  const stored = await encode(new TextEncoder().encode("some text"));
  for (let length = 0; length < stored.length; length++) {
    const error = await rejectsCode(
      "compress/corrupt",
      () => decode(stored.subarray(0, length), { name: "slot 3" }),
    );
    assert(error.message.includes("slot 3"));
    assertEquals(error.context.offset, length);
  }
});

Deno.test("gzip decode() refuses damaged data", async () => {
  const stored = await encode(pseudoRandomBytes(100_000, 6));
  for (const at of [0, 2, 50_000, stored.length - 6, stored.length - 1]) {
    const damaged = stored.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 0x40;
    await rejectsCode("compress/corrupt", () => decode(damaged));
  }
});

Deno.test("gzip decode() refuses junk after the last member", async () => {
  const stored = gzipSync("text");
  const longer = new Uint8Array([...stored, 1, 2, 3, 4]);
  await rejectsCode("compress/corrupt", () => decode(longer));
});

Deno.test("gzip decode() gives out what the limit allows and no byte more", async () => {
  const stored = await encode(new Uint8Array(1_000_000));
  assertEquals(
    (await decode(stored, { maxSize: 1_000_000 })).length,
    1_000_000,
  );
  const error = await rejectsCode(
    "compress/too-large",
    () => decode(stored, { maxSize: 999_999 }),
  );
  assertEquals(error.context.limit, 999_999);
});

Deno.test("gzip decode() refuses a bomb without a declared size", async () => {
  const stored = await encode(new Uint8Array(80 * 1024 * 1024));
  await rejectsCode("compress/too-large", () => decode(stored));
});

Deno.test("gzip decode() stops when the reader has enough", async () => {
  const stored = await encode(pseudoRandomBytes(3_000_000, 4));
  const reader = trickle(stored, 65_536).pipeThrough(gzip.decode()).getReader();
  const { value } = await reader.read();
  assert(value !== undefined && value.length > 0);
  await reader.cancel();
});
