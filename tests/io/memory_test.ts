import {
  BlobSource,
  BytesSource,
  MemoryTree,
  type RandomAccessSource,
} from "@flavor/pspf/io";
import { collectBytes } from "../../lib/io/collect_bytes.ts";
import { MemorySink } from "../../lib/io/memory_sink.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { rejectsCode, throwsCode } from "../support/throws_code.ts";

const BYTES = Uint8Array.from({ length: 700_000 }, (_, index) => index & 0xff);

const SOURCES: Record<string, () => RandomAccessSource> = {
  BytesSource: () => new BytesSource(BYTES),
  BlobSource: () => new BlobSource(new Blob([BYTES])),
};

for (const [name, open] of Object.entries(SOURCES)) {
  Deno.test(`${name} reads and streams exactly what was asked for`, async () => {
    await using source = open();
    assertEquals(source.size, BYTES.length);
    assertEquals(await source.read(10, 20), BYTES.subarray(10, 30));
    assertEquals(await source.read(BYTES.length, 0), new Uint8Array());
    const streamed = await new Response(source.stream(1, 600_000)).bytes();
    assertEquals(streamed, BYTES.subarray(1, 600_001));
  });

  Deno.test(`${name} refuses bytes behind its end`, async () => {
    const source = open();
    await rejectsCode("io/failed", () => source.read(BYTES.length, 1));
    await rejectsCode("io/failed", () => source.read(-1, 1));
    await rejectsCode("io/failed", async () => {
      await new Response(source.stream(BYTES.length - 1, 2)).bytes();
    });
  });

  Deno.test(`${name} stops when it is told to`, async () => {
    const source = open();
    const controller = new AbortController();
    const { signal } = controller;
    const reader = source.stream(0, BYTES.length, { signal }).getReader();
    await reader.read();
    controller.abort(new Error("enough"));
    await assertRejects(
      async () => {
        while (!(await reader.read()).done);
      },
      Error,
      "enough",
    );
    await assertRejects(() => source.read(0, 1, { signal }), Error, "enough");
  });
}

Deno.test("MemorySink can be read before it is committed", async () => {
  await using sink = new MemorySink();
  await sink.write(new Uint8Array([1]));
  assertEquals((await sink.reopen()).size, 1);
  assertEquals(sink.bytes, undefined);
  await sink.commit();
  assertEquals(sink.bytes, new Uint8Array([1]));
});

Deno.test("collectBytes() stops at its limit", async () => {
  const options = { maxSize: 3, what: "x", code: "format/too-large" } as const;
  assertEquals(
    (await collectBytes(new Blob(["abc"]).stream(), options)).length,
    3,
  );
  await rejectsCode(
    "format/too-large",
    () => collectBytes(new Blob(["abcd"]).stream(), options),
  );
});

Deno.test("MemoryTree lists parents first and prunes", async () => {
  const tree = new MemoryTree({
    "a/b/c": { content: "1" },
    "a/link": { target: "b" },
    "d": { mode: 0o700 },
  });
  const paths = (descend?: (path: string) => boolean): Promise<string[]> =>
    Array.fromAsync(tree.entries(descend), ({ path }) => path);
  assertEquals(await paths(), ["a", "a/b", "a/b/c", "a/link", "d"]);
  assertEquals(await paths((path) => path !== "a/b"), [
    "a",
    "a/b",
    "a/link",
    "d",
  ]);
  using file = tree.openFile("a/b/c");
  const into = new Uint8Array(3);
  assertEquals([file.size, file.readInto(into), into[0]], [1, 1, 0x31]);
  assertEquals(file.readInto(into), 0);
  throwsCode("build/source-changed", () => tree.readFile("a/b/c", 2));
  throwsCode("io/not-found", () => tree.openFile("nowhere"));
  assert(tree.readFile("a/b/c", 1).length === 1);
});
