import { MemorySink } from "../../lib/io/memory_sink.ts";
import { streamFrom } from "../../lib/io/stream_from.ts";
import { assert, assertEquals } from "@std/assert";
import { Buffer } from "node:buffer";

Deno.test("MemorySink copies Node Buffers, too", async () => {
  await using sink = new MemorySink();
  const chunk = Buffer.from([1, 2]);
  await sink.write(chunk);
  chunk.fill(9);
  await sink.commit();
  assertEquals(sink.bytes, new Uint8Array([1, 2]));
});

Deno.test("streamFrom() asks for one chunk at a time and ends the generator", async () => {
  let asked = 0;
  let isEnded = false;
  const stream = streamFrom((function* (): Generator<number> {
    try {
      while (true) yield asked++;
    } finally {
      isEnded = true;
    }
  })());
  const reader = stream.getReader();
  assertEquals((await reader.read()).value, 0);
  assertEquals(asked, 1);
  await reader.cancel();
  assert(isEnded);
});
