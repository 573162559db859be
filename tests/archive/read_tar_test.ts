import { extractTar } from "../../lib/archive/extract_tar.ts";
import { readTar, type ReadTarOptions } from "../../lib/archive/read_tar.ts";
import { MemoryTarget } from "@flavor/pspf/io";
import type { PspfErrorCode } from "../../lib/errors.ts";
import { PspfError } from "../../lib/errors.ts";
import { assert, assertEquals, assertRejects } from "@std/assert";
import { provideStreamFrom } from "../../lib/archive/read_tar.ts";
import { makePax, makeTar, type TarInput } from "../support/make_tar.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { trickle } from "../support/trickle.ts";

const stream = (bytes: Uint8Array): ReadableStream<Uint8Array> =>
  ReadableStream.from([bytes]);

const wait = (): Promise<void> => new Promise((next) => setTimeout(next, 0));

/** Reads an archive into one line per member. */
async function list(
  archive: ReadableStream<Uint8Array>,
  options: ReadTarOptions = {},
): Promise<string[]> {
  const lines: string[] = [];
  for await (const entry of readTar(archive, options)) {
    switch (entry.kind) {
      case "file":
        lines.push(
          `${entry.path} ${entry.mode.toString(8)} ${await new Response(
            entry.content,
          ).text()}`,
        );
        break;
      case "directory":
        lines.push(`${entry.path}/ ${entry.mode.toString(8)}`);
        break;
      case "symlink":
        lines.push(`${entry.path} -> ${entry.target}`);
        break;
      case "hardlink":
        lines.push(`${entry.path} = ${entry.existing}`);
    }
  }
  return lines;
}

const ALL_KINDS = makeTar([
  { name: "bin/", type: "5", mode: "0000755\0" },
  { name: "./bin/app", content: "hello", mode: "0004755\0" },
  { name: "bin/link", type: "2", link: "app" },
  { name: "bin/same", type: "1", link: "./bin/app" },
  { name: "empty" },
]);

const ALL_LINES = [
  "bin/ 755",
  "bin/app 755 hello",
  "bin/link -> app",
  "bin/same = bin/app",
  "empty 644 ",
];

Deno.test("readTar() reads files, directories and links, without set-id bits", async () => {
  assertEquals(await list(stream(ALL_KINDS)), ALL_LINES);
});

Deno.test("readTar() does not care how the bytes are cut", async () => {
  for (const most of [1, 7, 513, 4096]) {
    assertEquals(await list(trickle(ALL_KINDS, most)), ALL_LINES);
  }
});

Deno.test("readTar() skips what the caller does not read", async () => {
  const archive = makeTar([{ name: "a", content: "x".repeat(100_000) }, {
    name: "b",
  }]);
  const paths: string[] = [];
  for await (const entry of readTar(stream(archive))) paths.push(entry.path);
  assertEquals(paths, ["a", "b"]);
});

Deno.test("readTar() joins small pieces of large files", async () => {
  const text = Array.from({ length: 60_000 }, (_, index) => String(index % 7))
    .join("-");
  const archive = makeTar([{ name: "a", content: text }, {
    name: "b",
    content: "b",
  }]);
  for (const most of [513, 40_000, 100_000, archive.length]) {
    for await (const entry of readTar(trickle(archive, most))) {
      if (entry.kind !== "file" || entry.path !== "a") continue;
      const chunks = await Array.fromAsync(entry.content);
      assert(chunks.slice(0, -1).every(({ length }) => length >= 65_536));
      assertEquals(
        await new Blob(chunks.map((chunk) => chunk.slice())).text(),
        text,
      );
    }
  }
});

Deno.test("readTar() reads long names of PAX and GNU, and ustar prefixes", async () => {
  const long = `${"d/".repeat(150)}${"n".repeat(200)}é`;
  const gnu = { magic: "ustar  \0" };
  const archive = makeTar([
    { name: "pax", type: "x", content: makePax({ path: long, mtime: "1.5" }) },
    { name: "short", content: "1" },
    { name: "pax", type: "x", content: makePax({ linkpath: long }) },
    { name: "l", type: "2", link: "short" },
    { ...gnu, name: "././@LongLink", type: "L", content: `${long}\0` },
    { ...gnu, name: "short", content: "2" },
    { ...gnu, name: "././@LongLink", type: "K", content: `${long}\0` },
    { ...gnu, name: "k", type: "2", link: "short" },
    {
      name: "global",
      type: "g",
      content: makePax({ path: "ignored", linkpath: "ignored", comment: "x" }),
    },
    { name: "g", type: "2", link: "kept" },
    { name: "name", prefix: "a/prefix" },
  ]);
  assertEquals(await list(stream(archive)), [
    `${long} 644 1`,
    `l -> ${long}`,
    `${long} 644 2`,
    `k -> ${long}`,
    "g -> kept",
    "a/prefix/name 644 ",
  ]);
});

Deno.test("readTar() reads to the end of what stands behind the archive", async () => {
  const padded = new Uint8Array(ALL_KINDS.length + 100_000);
  padded.set(ALL_KINDS);
  let left = padded.length;
  const counted = trickle(padded, 10_000).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller): void {
        left -= chunk.length;
        controller.enqueue(chunk);
      },
    }),
  );
  await list(counted);
  assertEquals(left, 0);
});

Deno.test("readTar() refuses an archive cut short anywhere", async () => {
  const end = ALL_KINDS.length;
  for (let length = 0; length < end; length++) {
    const error = await assertRejects(
      () => list(stream(ALL_KINDS.subarray(0, length))),
      PspfError,
    );
    assertEquals(
      error.code,
      "archive/truncated",
      `${length} bytes: ${error.message}`,
    );
  }
});

Deno.test("readTar() passes on what its source throws", async () => {
  const failing = new PspfError("verify/slot-digest", "Cannot trust it");
  const source = (at: number): ReadableStream<Uint8Array> =>
    ReadableStream.from((function* (): Generator<Uint8Array> {
      yield ALL_KINDS.subarray(0, at);
      throw failing;
    })());
  for (const at of [0, 100, 512, 1100, 1300, ALL_KINDS.length]) {
    await rejectsCode("verify/slot-digest", () => list(source(at)));
  }
});

Deno.test("readTar() releases its source when the caller stops", async () => {
  let isCancelled = false;
  const source = new ReadableStream<Uint8Array>({
    start(controller): void {
      controller.enqueue(ALL_KINDS);
    },
    cancel(): void {
      isCancelled = true;
    },
  });
  for await (const entry of readTar(source)) {
    if (entry.kind === "file") break;
  }
  assert(isCancelled);
});

Deno.test("readTar() refuses a large content that ends early or fails, whoever takes it", async () => {
  const archive = makeTar([{ name: "a", content: new Uint8Array(1 << 20) }]);
  const end = 700_000;
  const cut = (): ReadableStream<Uint8Array> =>
    trickle(archive.subarray(0, end), 10_000);
  const failing = (): ReadableStream<Uint8Array> =>
    cut().pipeThrough(
      new TransformStream({
        flush(): void {
          throw new PspfError("verify/slot-digest", "Cannot trust it");
        },
      }),
    );
  const skip = async (source: ReadableStream<Uint8Array>): Promise<void> => {
    await Array.fromAsync(readTar(source), ({ path }) => path);
  };
  for (const take of [list, skip]) {
    await rejectsCode("archive/truncated", () => take(cut()));
    await rejectsCode("verify/slot-digest", () => take(failing()));
  }
});

Deno.test("readTar() waits for a read that is under way before it goes on", async () => {
  const archive = makeTar([
    { name: "a", content: "a".repeat(300_000) },
    { name: "b", content: "b".repeat(300_000) },
    { name: "c", content: "c" },
  ]);
  const entries = readTar(trickle(archive, 5000));
  const found: string[] = [];
  for (;;) {
    const { done, value } = await entries.next();
    if (done) break;
    assert(value.kind === "file");
    const reader = value.content.getReader();
    // Not awaited: the next member is asked for while this one is read.
    void reader.read().then(({ value: chunk = new Uint8Array() }) => {
      found.push(new TextDecoder().decode(chunk.subarray(0, 3)));
      assert(chunk.every((byte) => byte === chunk[0]));
    });
  }
  assertEquals(found, ["aaa", "bbb", "c"]);
});

Deno.test("provideStreamFrom() fills in for ReadableStream.from where it is missing", async () => {
  const { from } = ReadableStream;
  try {
    provideStreamFrom();
    assertEquals(ReadableStream.from, from);
    Reflect.deleteProperty(ReadableStream, "from");
    provideStreamFrom();
    assert(ReadableStream.from !== from);
    const numbers = async function* (): AsyncGenerator<number> {
      yield* await Promise.resolve([1, 2]);
    };
    assertEquals(await Array.fromAsync(ReadableStream.from(numbers())), [1, 2]);
    assertEquals(await Array.fromAsync(ReadableStream.from([3])), [3]);
    Reflect.deleteProperty(ReadableStream, "from");
    const whole = new Blob([ALL_KINDS]).stream();
    assertEquals((await list(whole)).length, 5);
  } finally {
    ReadableStream.from = from;
  }
});

Deno.test("readTar() tells a damaged header from an archive that ends early", async () => {
  const first = makeTar([
    { name: "a", content: "x".repeat(600) },
  ], false);
  for (const at of [0, 124, 148, 511]) {
    const damaged = ALL_KINDS.slice();
    damaged[at] = (damaged[at] ?? 0) ^ 1;
    const archive = new Uint8Array([...first, ...damaged]);
    for (const most of [512, archive.length]) {
      const error = await rejectsCode(
        "archive/bad-entry",
        () => list(trickle(archive, most)),
      );
      assertEquals(error.context, { offset: first.length });
    }
  }
});

Deno.test("readTar() does not read far ahead of whoever takes the content", async () => {
  const archive = makeTar([{ name: "a", content: new Uint8Array(8 << 20) }]);
  let left = archive.length;
  const source = trickle(archive, 10_000).pipeThrough(
    new TransformStream<Uint8Array, Uint8Array>({
      transform(chunk, controller): void {
        left -= chunk.length;
        controller.enqueue(chunk);
      },
    }),
  );
  for await (const entry of readTar(source)) {
    assert(entry.kind === "file");
    const reader = entry.content.getReader();
    await reader.read();
    for (let turn = 0; turn < 50; turn++) await wait();
    assert(left > 6 << 20, `${left} bytes are left`);
    reader.releaseLock();
  }
  assertEquals(left, 0);
});

Deno.test("readTar() does not read the rest of a member that makes its caller give up", async () => {
  const header = makeTar([{ name: "a", size: "77777777777\0" }], false);
  let given = 0;
  let isCancelled = false;
  const endless = new ReadableStream<Uint8Array>({
    start: (controller) => controller.enqueue(header),
    pull(controller): void {
      given += 65_536;
      controller.enqueue(new Uint8Array(65_536));
    },
    cancel(): void {
      isCancelled = true;
    },
  }, { highWaterMark: 0 });
  await assertRejects(
    async () => {
      for await (const entry of readTar(endless)) {
        assert(entry.kind === "file");
        for await (const _ of entry.content) {
          throw new Error("the disk is full");
        }
      }
    },
    Error,
    "the disk is full",
  );
  assert(isCancelled);
  assert(given < 4 << 20, `${given} bytes were read`);
});

Deno.test("readTar() finds nothing in an archive of zeros, and wants two blocks of them", async () => {
  for (const size of [1024, 1536, 10_240]) {
    assertEquals(await list(stream(new Uint8Array(size))), []);
  }
  for (const size of [0, 1, 512, 1023]) {
    await rejectsCode(
      "archive/truncated",
      () => list(stream(new Uint8Array(size))),
    );
  }
});

Deno.test("readTar() ends a content that is read on behind its member", async () => {
  const big = new Uint8Array(1 << 20);
  const archive = makeTar([{ name: "a", content: big }, { name: "b" }]);
  const entries = readTar(stream(archive));
  const { value: first } = await entries.next();
  assert(first?.kind === "file");
  const reader = first.content.getReader();
  await reader.read();
  assertEquals((await entries.next()).value?.path, "b");
  await assertRejects(
    async () => {
      while (!(await reader.read()).done);
    },
    TypeError,
    "next member",
  );
  await entries.return();
});

Deno.test("readTar() gives content that belongs to whoever takes it", async () => {
  const archive = makeTar([{ name: "a", content: "x".repeat(2000) }, {
    name: "b",
    content: "y".repeat(2000),
  }]);
  const found: string[] = [];
  for await (const entry of readTar(stream(archive))) {
    assert(entry.kind === "file");
    for await (const chunk of entry.content) {
      found.push(new TextDecoder().decode(chunk));
      chunk.fill(0);
    }
  }
  assertEquals(found, ["x".repeat(2000), "y".repeat(2000)]);
  assertEquals(archive[512], "x".charCodeAt(0));
});

const REFUSED: readonly [string, PspfErrorCode, readonly TarInput[]][] = [
  ["an absolute path", "archive/unsafe-path", [{ name: "/etc/passwd" }]],
  ["a path with ..", "archive/unsafe-path", [{ name: "a/../../b" }]],
  ["a drive letter", "archive/unsafe-path", [{ name: "C:\\x" }]],
  ["a hidden ..", "archive/unsafe-path", [{ name: "a\\..\\b" }]],
  ["a hard link that leaves", "archive/unsafe-path", [{
    name: "a",
    type: "1",
    link: "../x",
  }]],
  ["a path with .. in PAX", "archive/unsafe-path", [
    { name: "x", type: "x", content: makePax({ path: "../evil" }) },
    { name: "harmless" },
  ]],
  ["a NUL in PAX", "archive/unsafe-path", [
    { name: "x", type: "x", content: makePax({ path: "a\0b" }) },
    { name: "harmless" },
  ]],
  ["a path too long", "archive/unsafe-path", [
    {
      name: "x",
      type: "x",
      content: makePax({ path: "a/".repeat(2100) + "b" }),
    },
    { name: "short" },
  ]],
  ["a name too long", "archive/unsafe-path", [
    { name: "x", type: "x", content: makePax({ path: "n".repeat(256) }) },
    { name: "short" },
  ]],
  ["a character device", "archive/unsupported-entry", [{
    name: "tty",
    type: "3",
  }]],
  ["a block device", "archive/unsupported-entry", [{ name: "sda", type: "4" }]],
  ["a FIFO", "archive/unsupported-entry", [{ name: "pipe", type: "6" }]],
  ["an unknown type", "archive/unsupported-entry", [{ name: "x", type: "Z" }]],
  ["a GNU sparse file", "archive/unsupported-entry", [{
    name: "x",
    type: "S",
  }]],
  ["a PAX sparse file", "archive/unsupported-entry", [
    { name: "x", type: "x", content: makePax({ "GNU.sparse.major": "1" }) },
    { name: "short" },
  ]],
  ["a wrong checksum", "archive/bad-entry", [{
    name: "a",
    checksum: "000001\0 ",
  }]],
  ["no magic", "archive/bad-entry", [{ name: "a", magic: "" }]],
  ["a name that is not UTF-8", "archive/bad-entry", [{
    name: new Uint8Array([0x61, 0xff]),
  }]],
  ["a file without a name", "archive/bad-entry", [{ name: "./" }]],
  ["a file with the name of a directory", "archive/bad-entry", [{
    name: "a/",
  }]],
  ["a link without a name", "archive/bad-entry", [{
    name: "./",
    type: "2",
    link: "x",
  }]],
  ["a hard link without a name", "archive/bad-entry", [{
    name: ".",
    type: "1",
    link: "x",
  }]],
  ["a long name that begins with NUL", "archive/bad-entry", [
    { name: "x", type: "L", content: "\0x" },
    { name: "short" },
  ]],
  ["a link target that is not UTF-8", "archive/bad-entry", [{
    name: "a",
    type: "2",
    link: new Uint8Array([0x61, 0xff]),
  }]],
  ["a negative mode", "archive/bad-entry", [{ name: "a", mode: "-000001\0" }]],
  ["a negative size", "archive/too-large", [{
    name: "a",
    size: "-0000000001\0",
  }]],
  ["a link without a target", "archive/bad-entry", [{ name: "a", type: "2" }]],
  ["a mode that is not a number", "archive/bad-entry", [{
    name: "a",
    mode: "rwxr-xr-",
  }]],
  ["PAX records without a length", "archive/bad-entry", [
    { name: "x", type: "x", content: "path=a\n" },
    { name: "a" },
  ]],
  ["PAX records of a wrong length", "archive/bad-entry", [
    { name: "x", type: "x", content: "99 path=a\n" },
    { name: "a" },
  ]],
  ["PAX records that are cut short", "archive/bad-entry", [
    { name: "x", type: "x", content: "8 path=abc\n" },
    { name: "a" },
  ]],
  ["a PAX record without a newline", "archive/bad-entry", [
    { name: "x", type: "x", content: "9 path=ab10 path=cde\n" },
    { name: "a" },
  ]],
  ["a PAX length in another notation", "archive/bad-entry", [
    { name: "x", type: "x", content: "0x10 path=abcde\n" },
    { name: "a" },
  ]],
  ["PAX records without a value", "archive/bad-entry", [
    { name: "x", type: "x", content: "7 path\n11 path=ab\n" },
    { name: "a" },
  ]],
  ["PAX records with a very long length", "archive/bad-entry", [
    { name: "x", type: "x", content: "00000000011 path=ab\n" },
    { name: "a" },
  ]],
  ["a size in PAX that is not a number", "archive/bad-entry", [
    { name: "x", type: "x", content: makePax({ size: "0x0" }) },
    { name: "a" },
  ]],
  ["PAX records that are not UTF-8", "archive/bad-entry", [
    {
      name: "x",
      type: "x",
      content: new Uint8Array([...makePax({ path: "ab" })].with(9, 0xff)),
    },
    { name: "a" },
  ]],
  ["a base-256 size", "archive/too-large", [
    {
      name: "a",
      size: new Uint8Array([0x80, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0]),
    },
  ]],
  ["a size only in PAX", "archive/too-large", [
    { name: "x", type: "x", content: makePax({ size: "9000000000" }) },
    { name: "a" },
  ]],
];

for (const [name, code, members] of REFUSED) {
  Deno.test(`readTar() refuses ${name}`, async () => {
    await rejectsCode(code, () => list(stream(makeTar(members))));
  });
}

Deno.test("readTar() refuses more members, bytes and extension than allowed", async () => {
  const archive = makeTar([{ name: "a", content: "12345" }, {
    name: "b",
    content: "12345",
  }]);
  const refuse = (options: ReadTarOptions): Promise<PspfError> =>
    rejectsCode("archive/too-large", () => list(stream(archive), options));
  await refuse({ maxEntries: 1 });
  await refuse({ maxTotalSize: 9 });
  assertEquals(
    (await list(stream(archive), { maxEntries: 2, maxTotalSize: 10 })).length,
    2,
  );
  const extended = (size: number): Promise<string[]> =>
    list(stream(makeTar([
      { name: "x", type: "L", content: `${"d/".repeat(9)}b\0`.padEnd(size) },
      { name: "a" },
    ])));
  assertEquals(await extended(1 << 20), ["d/d/d/d/d/d/d/d/d/b 644 "]);
  await rejectsCode("archive/too-large", () => extended((1 << 20) + 1));
});

Deno.test("extractTar() extracts all kinds", async () => {
  const target = new MemoryTarget();
  await extractTar(stream(ALL_KINDS), target);
  assertEquals([...target.entries.keys()], [
    "bin",
    "bin/app",
    "bin/link",
    "bin/same",
    "empty",
  ]);
  assertEquals(target.entries.get("bin"), { kind: "directory", mode: 0o755 });
  const same = target.entries.get("bin/same");
  assert(same?.kind === "file");
  assertEquals(new TextDecoder().decode(same.content), "hello");
});

Deno.test("extractTar() leaves the root alone", async () => {
  const target = new MemoryTarget();
  await extractTar(
    stream(makeTar([{ name: "./", type: "5", mode: "0000000\0" }])),
    target,
  );
  assertEquals(target.entries.size, 0);
});

Deno.test("extractTar() takes modes of directories, and hard links to hard links", async () => {
  const target = new MemoryTarget();
  const archive = makeTar([
    { name: "d/", type: "5", mode: "0000700\0" },
    { name: "d/a", content: "x" },
    { name: "b", type: "1", link: "d/a" },
    { name: "c", type: "1", link: "b" },
  ]);
  await extractTar(stream(archive), target);
  assertEquals(target.entries.get("d"), { kind: "directory", mode: 0o700 });
  assertEquals(target.entries.get("c"), target.entries.get("d/a"));
});

Deno.test("extractTar() refuses a hard link to what it has not brought", async () => {
  const target = new MemoryTarget();
  await target.file("secret", 0o600, undefined, stream(new Uint8Array(3)));
  const archive = makeTar([{ name: "copy", type: "1", link: "secret" }]);
  await rejectsCode(
    "archive/unsafe-path",
    () => extractTar(stream(archive), target),
  );
});

Deno.test("extractTar() writes nothing through a link", async () => {
  const archive = makeTar([
    { name: "out", type: "2", link: "../.." },
    { name: "out/evil", content: "x" },
  ]);
  await rejectsCode(
    "archive/unsafe-path",
    () => extractTar(stream(archive), new MemoryTarget()),
  );
});
