import { assert, assertEquals, assertRejects } from "@std/assert";
import { crypto as stdCrypto } from "../../scripts/mirror/stand_ins/crypto/crypto.ts";
import { UntarStream as StandIn } from "../../scripts/mirror/stand_ins/tar/untar_stream.ts";
import { UntarStream as Mapped } from "@std/tar/untar-stream";

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

type Untar = typeof StandIn;

function join(blocks: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(blocks.flatMap((block) => [...block]));
}

/** The archive in pieces of `step` bytes, which fit no block. */
function untar(Untar: Untar, blocks: Uint8Array[], step = 333): ReadableStream {
  const bytes = join(blocks);
  const pieces = (function* (): Generator<Uint8Array> {
    for (let at = 0; at < bytes.length; at += step) {
      yield bytes.slice(at, at + step);
    }
  })();
  return ReadableStream.from(pieces).pipeThrough(new Untar());
}

// Where the real package is served the second one is no stand-in.
for (
  const [name, Untar] of [["the stand-in", StandIn], ["@std/tar", Mapped]] as [
    string,
    Untar,
  ][]
) {
  Deno.test(`UntarStream of ${name} hands out members, their headers and their content`, async () => {
    const members: unknown[] = [];
    const blocks = [
      header("file", 700),
      body(700),
      header("link", 0, "2"),
      header("empty", 0),
      END,
    ];
    for await (const { path, header, readable } of untar(Untar, blocks)) {
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

  Deno.test(`UntarStream of ${name} goes on after a content that was cancelled half-way`, async () => {
    const paths: string[] = [];
    const blocks = [header("a", 2000), body(2000), header("b", 0), END];
    for await (const { path, readable } of untar(Untar, blocks)) {
      paths.push(path);
      if (readable === undefined) continue;
      const reader = readable.getReader();
      await reader.read();
      await reader.cancel();
    }
    assertEquals(paths, ["a", "b"]);
  });

  Deno.test(`UntarStream of ${name} tells what is wrong by the class of its error`, async () => {
    const damaged = header("a", 0);
    damaged[0] = 1;
    const cases: [Uint8Array[], ErrorConstructor][] = [
      [[damaged, END], SyntaxError],
      [[header("a", 5000), body(2000)], SyntaxError],
      [[header("a", 600), body(512)], TypeError],
      [[header("a", 0)], RangeError],
      [[header("a", 0), END.subarray(0, 700)], RangeError],
    ];
    for (const [blocks, type] of cases) {
      await assertRejects(async () => {
        for await (const { readable } of untar(Untar, blocks)) {
          await readable?.pipeTo(new WritableStream());
        }
      }, type);
    }
  });

  Deno.test(`UntarStream of ${name} has taken in the whole chunk when an error shows`, async () => {
    const damaged = header("a", 0);
    damaged[0] = 1;
    let isEnded = false;
    const source = new ReadableStream<Uint8Array>({
      start: (controller) => controller.enqueue(join([damaged, END])),
      pull(controller): void {
        isEnded = true;
        controller.close();
      },
    }, { highWaterMark: 0 });
    const members = source.pipeThrough(new Untar()).getReader();
    await assertRejects(() => members.read(), SyntaxError);
    assert(isEnded);
  });
}

Deno.test("crypto.subtle.digest() gives the same for bytes and for a stream of them", async () => {
  const bytes = new TextEncoder().encode("streamed");
  const whole = await stdCrypto.subtle.digest("SHA-256", bytes);
  const parts = ReadableStream.from([bytes.subarray(0, 3), bytes.subarray(3)]);
  assertEquals(await stdCrypto.subtle.digest("SHA-256", parts), whole);
});
