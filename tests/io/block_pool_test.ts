import { Operation } from "@flavor/pspf/format";
import { getCodec } from "../../lib/compress/codec.ts";
import { assert, assertEquals } from "@std/assert";
import { encodeBlocks } from "../../lib/compress/encode_blocks.ts";
import { BlockPool, cutBlocks } from "../../lib/io/block_pool.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";

Deno.test("BlockPool lends the same memory again", () => {
  const pool = new BlockPool(100);
  const block = pool.take();
  const { buffer } = block;
  pool.give(block.subarray(0, 50));
  const again = pool.take();
  assertEquals(again.length, 100);
  assert(again.buffer === buffer);
  assert(pool.take().buffer !== buffer);
});

Deno.test("BlockPool does not keep memory of another size", () => {
  const pool = new BlockPool(100);
  pool.give(new Uint8Array(99));
  assertEquals(pool.take().length, 100);
});

Deno.test("cutBlocks() gives the same blocks for chunks of any size", async () => {
  for (const size of [0, 1, 999, 1000, 1001, 2000, 3500]) {
    const data = pseudoRandomBytes(size, size);
    for (const chunkSize of [1, 300, 1000, 5000]) {
      const pool = new BlockPool(1000);
      const blocks = await Array.fromAsync(
        cutBlocks(chunksOf(data, chunkSize), 1000, pool),
      );
      assertEquals(
        blocks.map(({ length }) => length),
        Array.from(
          { length: Math.ceil(size / 1000) },
          (_, index) => Math.min(1000, size - index * 1000),
        ),
      );
      assertEquals(await join(blocks), data);
    }
  }
});

Deno.test("encodeBlocks() encodes what it is given, and nothing as one block", async () => {
  for (const [size, count] of [[0, 1], [3000, 3], [3001, 4]] as const) {
    const pool = new BlockPool(1000);
    const blocks = cutBlocks(
      chunksOf(pseudoRandomBytes(size, 1), 1000),
      1000,
      pool,
    );
    const stored = await Array.fromAsync(
      encodeBlocks(blocks, { kind: "zstd", level: 3, pool }),
      ({ contentSize }) => contentSize,
    );
    assertEquals(stored.length, count);
    assertEquals(stored.reduce((sum, one) => sum + one, 0), size);
  }
});

Deno.test("Codec.encodeBlocks() gives what its own decoder takes", async () => {
  const data = pseudoRandomBytes(3_000_000, 3);
  for (const code of [Operation.GZIP, Operation.ZSTD] as const) {
    const codec = getCodec(code);
    const pool = new BlockPool(1_000_000);
    const blocks = cutBlocks(chunksOf(data, 70_000), 700_000, pool);
    const stored = await Array.fromAsync(
      codec.encodeBlocks(blocks, { pool }),
      ({ bytes }) => bytes.slice(),
    );
    const plain = new Blob(stored).stream().pipeThrough(codec.decode());
    assertEquals(await new Response(plain).bytes(), data);
  }
});

async function* chunksOf(
  data: Uint8Array,
  size: number,
): AsyncGenerator<Uint8Array, void, undefined> {
  await Promise.resolve();
  for (let at = 0; at < data.length; at += size) {
    yield data.subarray(at, at + size);
  }
}

async function join(
  parts: readonly Uint8Array<ArrayBuffer>[],
): Promise<Uint8Array> {
  return new Uint8Array(await new Blob([...parts]).arrayBuffer());
}
