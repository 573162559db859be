import { assert, assertEquals, assertThrows } from "@std/assert";
import { BlockCompressor } from "../../lib/compress/block_compressor.ts";
import { getCodec } from "../../lib/compress/codec.ts";
import { Operation } from "@flavor/pspf/format";
import { constants, zstdCompressSync, zstdDecompressSync } from "node:zlib";
import { ZstdFrameScanner } from "../../lib/compress/zstd_frame_scanner.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { readAll, trickle } from "../support/trickle.ts";

const FRAME_SIZE = 1024 * 1024;
const zstd = getCodec(Operation.ZSTD);

async function encode(
  bytes: Uint8Array,
  options: Parameters<typeof zstd.encode>[0] = {},
): Promise<Uint8Array> {
  return await readAll(
    trickle(bytes, 1_000_000).pipeThrough(zstd.encode(options)),
  );
}

async function decode(
  bytes: Uint8Array,
  limits: Parameters<typeof zstd.decode>[0] = {},
  most = 4096,
): Promise<Uint8Array> {
  return await readAll(trickle(bytes, most).pipeThrough(zstd.decode(limits)));
}

function countFrames(stored: Uint8Array): number {
  let frames = 0;
  for (let at = 0; at < stored.length; frames++) {
    const result = new ZstdFrameScanner().scan(stored.subarray(at));
    if (result.kind !== "frame") throw new Error(JSON.stringify(result));
    at += result.frame.length;
  }
  return frames;
}

Deno.test("zstd encode() writes one frame per MiB, with size and checksum", async (t) => {
  const cases = [
    [0, 1],
    [FRAME_SIZE - 1, 1],
    [FRAME_SIZE, 1],
    [FRAME_SIZE + 1, 2],
    [2 * FRAME_SIZE, 2],
  ] as const;
  for (const [length, frames] of cases) {
    await t.step(`${length} bytes`, async () => {
      const bytes = pseudoRandomBytes(length, 3);
      const stored = await encode(bytes);
      assertEquals(countFrames(stored), frames);
      const descriptor = stored[4] ?? 0;
      assert((descriptor & 0x20) !== 0 || descriptor >> 6 > 0, "content size");
      assert((descriptor & 4) !== 0, "checksum");
      assertEquals(new Uint8Array(zstdDecompressSync(stored)), bytes);
      assertEquals(await decode(stored, { maxSize: length }, 65_536), bytes);
    });
  }
});

Deno.test("zstd encode() gives the same bytes for any number of jobs and chunks", async () => {
  const bytes = pseudoRandomBytes(3 * FRAME_SIZE + 5, 4);
  const alone = await encode(bytes);
  for (const jobs of [1, 2, 4]) {
    using compressor = new BlockCompressor({ jobs });
    assertEquals(await encode(bytes, { compressor }), alone);
  }
});

Deno.test("zstd encode() uses the level", async () => {
  const bytes = pseudoRandomBytes(1_000_000, 4);
  const text = new TextEncoder().encode(bytes.join(" "));
  const fast = await encode(text, { level: 1 });
  const small = await encode(text, { level: 19 });
  assert(small.length < fast.length);
  for (const level of [0, 23, 2.5]) {
    assertThrows(() => zstd.encode({ level }), RangeError);
  }
});

Deno.test("zstd decode() reads what other tools write", async (t) => {
  const bytes = new TextEncoder().encode("text ".repeat(10_000));
  const skippable = Uint8Array.of(0x53, 0x2a, 0x4d, 0x18, 2, 0, 0, 0, 9, 9);
  const unsized = zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_contentSizeFlag]: 0 },
  });
  const cases: Record<string, Uint8Array> = {
    "a frame without a size": unsized,
    "skippable frames": new Uint8Array([
      ...skippable,
      ...unsized,
      ...skippable,
    ]),
    "blocks of one repeated byte": zstdCompressSync(
      new Uint8Array(bytes.length),
    ),
  };
  for (const [name, stored] of Object.entries(cases)) {
    await t.step(name, async () => {
      const plain = await decode(stored, {}, 3);
      assertEquals(plain.length, bytes.length);
    });
  }
});

Deno.test("zstd decode() refuses data that is cut anywhere", async () => {
  const stored = await encode(pseudoRandomBytes(2000, 6));
  for (let length = 0; length < stored.length; length += 13) {
    const cut = stored.subarray(0, length);
    await rejectsCode("compress/corrupt", () => decode(cut));
  }
});

Deno.test("zstd decode() names the offset of the damaged frame", async () => {
  const one = zstdCompressSync("first");
  const two = zstdCompressSync(pseudoRandomBytes(1000, 5), {
    params: { [constants.ZSTD_c_checksumFlag]: 1 },
  });
  const both = new Uint8Array([...one, ...two]);
  both[both.length - 1] = (both.at(-1) ?? 0) ^ 1;
  const error = await rejectsCode(
    "compress/corrupt",
    () => decode(both, { name: "slot 1" }),
  );
  assertEquals(error.context.offset, one.length);
});

Deno.test("zstd decode() never ends the process, whatever bit is wrong", async () => {
  const plain = pseudoRandomBytes(3000, 6);
  const stored = await encode(plain);
  for (let at = 0; at < stored.length; at += 7) {
    const damaged = stored.slice();
    damaged[at] = (damaged[at] ?? 0) ^ (1 << at % 8);
    const result = await decode(damaged, { maxSize: plain.length }).catch(
      (error) => error,
    );
    assert(!(result instanceof Uint8Array), `bit flip at ${at} went unseen`);
  }
});

Deno.test("zstd decode() gives out what the limit allows and no byte more", async () => {
  const bytes = new Uint8Array(100_000);
  const unsized = zstdCompressSync(bytes, {
    params: { [constants.ZSTD_c_contentSizeFlag]: 0 },
  });
  for (const stored of [await encode(bytes), unsized]) {
    assertEquals((await decode(stored, { maxSize: 100_000 })).length, 100_000);
    await rejectsCode(
      "compress/too-large",
      () => decode(stored, { maxSize: 99_999 }),
    );
  }
});

Deno.test("zstd decode() refuses a frame that claims more than there is memory", async () => {
  // A frame header with an 8-byte content size of 2^50 and one empty block.
  const header = [
    0x28,
    0xb5,
    0x2f,
    0xfd,
    0xe0,
    0,
    0,
    0,
    0,
    0,
    0,
    4,
    0,
    1,
    0,
    0,
  ];
  await rejectsCode(
    "compress/too-large",
    () => decode(Uint8Array.from(header)),
  );
  await rejectsCode(
    "compress/unsupported",
    () => decode(Uint8Array.from(header), { maxSize: 2 ** 52 }),
  );
});

Deno.test("codecs give plain arrays, whose slice() is a copy", async () => {
  const bytes = pseudoRandomBytes(200_000);
  for (const code of [Operation.ZSTD, Operation.GZIP] as const) {
    const codec = getCodec(code);
    const encoded = trickle(bytes, 9000).pipeThrough(codec.encode());
    const stored = await Array.fromAsync(encoded);
    const decoded = ReadableStream.from(stored).pipeThrough(codec.decode());
    for (const chunk of [...stored, ...await Array.fromAsync(decoded)]) {
      assert(chunk.constructor === Uint8Array);
    }
  }
});
