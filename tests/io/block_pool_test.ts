import { BlockPool, getCodec } from "@flavor/pspf/compress";
import { Operation } from "@flavor/pspf/format";
import { assert, assertEquals } from "@std/assert";
import { encodeBlocks } from "../../lib/compress/encode_blocks.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";

Deno.test("BlockPool lends the same memory again, and knows what it has lent", () => {
  const pool = new BlockPool(100);
  const { buffer } = pool.take();
  const block: Uint8Array = new Uint8Array(buffer);
  assert(pool.owns(block.subarray(0, 50)));
  assert(!pool.owns(block.subarray(1)));
  assert(!pool.owns(new Uint8Array(100)));
  pool.give(buffer);
  assert(!pool.owns(block));
  assertEquals(pool.take().buffer, buffer);
});

Deno.test("BlockPool does not keep memory of another size", () => {
  const pool = new BlockPool(100);
  pool.give(new ArrayBuffer(99));
  assertEquals(pool.take().length, 100);
});

Deno.test("encodeBlocks() gives the same bytes for blocks of a pool and for any chunks", async () => {
  const blockSize = 1000;
  for (const kind of ["zstd", "deflate"] as const) {
    for (const size of [0, 1, 999, 1000, 1001, 2000, 3500]) {
      const data = pseudoRandomBytes(size, size);
      const pool = new BlockPool(blockSize);
      const options = { kind, level: 3, blockSize };
      const pooled = encodeBlocks(blocksOf(data, pool), { ...options, pool });
      const chunked = encodeBlocks(chunksOf(data, 300), options);
      assertEquals(await join(pooled), await join(chunked), `${kind} ${size}`);
    }
  }
});

Deno.test("encodeBlocks() ends input of whole blocks without an empty frame", async () => {
  const data = pseudoRandomBytes(3000, 1);
  const frames = await Array.fromAsync(
    encodeBlocks(chunksOf(data, 1000), {
      kind: "zstd",
      level: 3,
      blockSize: 1000,
    }),
  );
  assertEquals(frames.length, 3);
});

Deno.test("Codec.encodeChunks() gives the bytes of Codec.encode()", async () => {
  const data = pseudoRandomBytes(3_000_000, 3);
  for (const code of [Operation.GZIP, Operation.ZSTD]) {
    const codec = getCodec(code);
    const streamed = new Blob([data]).stream().pipeThrough(codec.encode());
    assertEquals(
      await join(codec.encodeChunks(chunksOf(data, 70_000))),
      await join(streamed),
    );
  }
});

async function* blocksOf(
  data: Uint8Array,
  pool: BlockPool,
): AsyncGenerator<Uint8Array, void, undefined> {
  for await (const chunk of chunksOf(data, pool.size)) {
    const block = pool.take();
    block.set(chunk);
    yield block.subarray(0, chunk.length);
  }
}

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
  chunks: AsyncIterable<Uint8Array>,
): Promise<Uint8Array> {
  const parts = await Array.fromAsync(chunks, (chunk) => new Uint8Array(chunk));
  return new Uint8Array(await new Blob(parts).arrayBuffer());
}
