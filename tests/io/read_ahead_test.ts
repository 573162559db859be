import { BytesSource, type RandomAccessSource } from "@flavor/pspf/io";
import { assertEquals } from "@std/assert";
import { collectBytes } from "../../lib/io/collect_bytes.ts";
import { readAhead } from "../../lib/io/read_ahead.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";

const BYTES = pseudoRandomBytes(1_000_000);

/** A source that takes down what it is asked for. */
function recorded(): RandomAccessSource & { asked: [number, number][] } {
  const bytes = new BytesSource(BYTES);
  const asked: [number, number][] = [];
  return {
    asked,
    name: "recorded",
    size: bytes.size,
    read: bytes.read.bind(bytes),
    stream(offset, length, options): ReadableStream<Uint8Array> {
      asked.push([offset, length]);
      return bytes.stream(offset, length, options);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

async function part(
  source: RandomAccessSource,
  offset: number,
  length: number,
): Promise<void> {
  const bytes = await collectBytes(source.stream(offset, length), {
    maxSize: length,
    what: "part",
    code: "io/failed",
  });
  assertEquals(bytes, BYTES.slice(offset, offset + length));
}

Deno.test("parts that follow each other come out of one stream", async () => {
  const source = recorded();
  await using ahead = readAhead(source, 900_000);
  await part(ahead, 1000, 300_001);
  await part(ahead, 301_008, 99_000);
  await part(ahead, 400_008, 0);
  await part(ahead, 400_008, 400_000);
  // What lay between two of them is still known.
  await part(ahead, 301_001, 7);
  assertEquals(source.asked, [[1000, 899_000]]);
  // Whatever does not follow is asked for by itself.
  await part(ahead, 0, 1000);
  await part(ahead, 850_000, 1000);
  await part(ahead, 851_000, 100_000);
  assertEquals(source.asked.slice(1), [
    [0, 1000],
    [850_000, 50_000],
    [851_000, 100_000],
  ]);
});

Deno.test("a stream that is left half-way does not shift the next one", async () => {
  const source = recorded();
  await using ahead = readAhead(source, 900_000);
  const left = ahead.stream(0, 800_000).getReader();
  await left.read();
  await part(ahead, 500_000, 1000);
  await left.cancel();
  await part(ahead, 600_000, 1000);
});
