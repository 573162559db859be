import { assertEquals, assertRejects } from "@std/assert";
import { crypto as stdCrypto } from "../../scripts/mirror/stand_ins/crypto/crypto.ts";
import { UntarStream } from "../../scripts/mirror/stand_ins/tar/untar_stream.ts";

/** A ustar header block, with the checksum that is right for it. */
function header(name: string, size: number, typeflag = "0"): Uint8Array {
  const block = new Uint8Array(512);
  const put = (at: number, text: string): void =>
    block.set(new TextEncoder().encode(text), at);
  put(0, name);
  put(100, "0000755\0");
  put(108, "0000012\0");
  put(116, "0000013\0");
  put(124, `${size.toString(8).padStart(11, "0")}\0`);
  put(136, "00000000017\0");
  put(148, "        ");
  put(156, typeflag);
  put(157, typeflag === "2" ? "target" : "");
  put(257, "ustar\x0000");
  put(345, name === "file" ? "some/prefix" : "");
  const sum = block.reduce((total, byte) => total + byte);
  put(148, `${sum.toString(8).padStart(6, "0")}\0 `);
  return block;
}

/** A member's content, filled up to whole blocks. */
function body(size: number): Uint8Array {
  return new Uint8Array(Math.ceil(size / 512) * 512).fill(7, 0, size);
}

const END = new Uint8Array(1024);

/** The archive in pieces of `step` bytes, which fit no block. */
function untar(blocks: Uint8Array[], step = 333): ReadableStream {
  const bytes = new Uint8Array(blocks.flatMap((block) => [...block]));
  const pieces = (function* (): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += step) {
      yield bytes.slice(at, at + step);
    }
  })();
  return ReadableStream.from(pieces).pipeThrough(new UntarStream());
}

Deno.test("UntarStream hands out members, their headers and their content", async () => {
  const members: unknown[] = [];
  const blocks = [
    header("file", 700),
    body(700),
    header("link", 0, "2"),
    header("empty", 0),
    END,
  ];
  for await (const { path, header, readable } of untar(blocks)) {
    const content = readable && await new Response(readable).bytes();
    members.push([
      path,
      header.typeflag,
      header.mode,
      header.linkname,
      content?.length,
    ]);
  }
  assertEquals(members, [
    ["some/prefix/file", "0", 0o755, "", 700],
    ["link", "2", 0o755, "target", undefined],
    ["empty", "0", 0o755, "", 0],
  ]);
});

Deno.test("UntarStream goes on after a content that was cancelled half-way", async () => {
  const paths: string[] = [];
  for await (
    const { path, readable } of untar([
      header("a", 2000),
      body(2000),
      header("b", 0),
      END,
    ])
  ) {
    paths.push(path);
    if (readable === undefined) continue;
    const reader = readable.getReader();
    await reader.read();
    await reader.cancel();
  }
  assertEquals(paths, ["a", "b"]);
});

Deno.test("UntarStream rejects a wrong checksum, a short archive and a missing end", async () => {
  const damaged = header("a", 0);
  damaged[0] = 1;
  const read = async (blocks: Uint8Array[]): Promise<void> => {
    for await (const { readable } of untar(blocks)) {
      await readable?.pipeTo(new WritableStream());
    }
  };
  await assertRejects(() => read([damaged, END]), SyntaxError, "checksum");
  await assertRejects(
    () => read([header("a", 600), body(512)]),
    SyntaxError,
    "inside a member",
  );
  await assertRejects(
    () => read([header("a", 0)]),
    TypeError,
    "two zero blocks",
  );
  await assertRejects(
    () => read([header("a", 0), END.subarray(0, 700)]),
    RangeError,
    "188 of 512",
  );
});

Deno.test("crypto.subtle.digest() gives the same for bytes and for a stream of them", async () => {
  const bytes = new TextEncoder().encode("streamed");
  const whole = await stdCrypto.subtle.digest("SHA-256", bytes);
  const parts = ReadableStream.from([bytes.subarray(0, 3), bytes.subarray(3)]);
  assertEquals(await stdCrypto.subtle.digest("SHA-256", parts), whole);
});
