/** One file out of a slot: what is read for it, from afar and from files. */

import type { MemoryTreeInit } from "@flavor/pspf/io";
import { FRAME_UNIT } from "@flavor/pspf/format";
import { PSPFReader } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { buildInMemory, planOf } from "../pack/build_in_memory.ts";
import { serveBytes } from "../support/http_server.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { rejectsCode } from "../support/throws_code.ts";

const NOISE = pseudoRandomBytes(8 * FRAME_UNIT);

/** 12 MB: small files, large ones that are cut inside, links, long names. */
function files(): Record<string, Uint8Array<ArrayBuffer>> {
  const long = `${"long/".repeat(30)}name`;
  const some: [string, Uint8Array<ArrayBuffer>][] = Array.from(
    { length: 400 },
    (_, i) => [
      `d${i % 9}/f${i}`,
      NOISE.slice(i * 1000, i * 1000 + i * 3701 % 40_000),
    ],
  );
  return Object.fromEntries([
    ...some,
    ["d3/large", NOISE.slice(0, 3.5 * FRAME_UNIT)],
    // A tar inside of the tar: what is in it looks like members.
    ["d3/exact", NOISE.slice(0, 2 * FRAME_UNIT - 512)],
    ["d5/just", NOISE.slice(1, FRAME_UNIT + 1)],
    ["d5/below", NOISE.slice(2, FRAME_UNIT + 1)],
    [long, NOISE.slice(77, 7777)],
    ["empty", new Uint8Array()],
  ]);
}

const FILES = files();
const TREE: MemoryTreeInit = {
  ...Object.fromEntries(
    Object.entries(FILES).map(([path, content]) => [path, { content }]),
  ),
  "d4/link": { target: "f4" },
};

async function build(operations: string): Promise<Uint8Array<ArrayBuffer>> {
  const plan = planOf([
    `{ id = "lib", source = "lib", target = "lib", operations = "${operations}" }`,
  ]);
  const { bytes } = await buildInMemory(plan, { lib: TREE });
  return new Uint8Array(bytes);
}

Deno.test("every file of a slot can be had alone", async (t) => {
  for (const operations of ["tar", "tar.zst", "tar.gz"]) {
    await t.step(operations, async () => {
      await using reader = await PSPFReader.open(await build(operations));
      // Without frames each of them costs the whole slot.
      const step = operations === "tar.gz" ? 67 : 7;
      const some = Object.entries(FILES).filter(([path], i) =>
        i % step === 0 || !/^d\d\/f/.test(path)
      );
      for (const [path, content] of some) {
        const file = await reader.openFile("lib", `lib/${path}`);
        assertEquals([file.mode, file.size], [0o644, content.length]);
        const bytes = new Uint8Array(await new Response(file.content).bytes());
        assertEquals(bytes.length, content.length);
        assert(bytes.every((byte, i) => byte === content[i]), path);
      }
      for (const path of ["lib/none", "lib/d3", "lib/d4/link", "a", "z"]) {
        await rejectsCode("io/not-found", () => reader.openFile(0, path));
      }
      await rejectsCode(
        "archive/unsafe-path",
        () => reader.openFile(0, "../etc/passwd"),
      );
    });
  }
});

Deno.test("one file of a tar.zst slot costs its frames, and a few to find it", async () => {
  const bytes = await build("tar.zst");
  await using server = serveBytes(bytes);
  await using reader = await PSPFReader.open(server.url);
  const { frames } = reader.slot(0);
  assert(frames !== undefined);
  const largest = Math.max(...frames.stored);
  const probes = Math.ceil(Math.log2(frames.stored.length));
  const opening = server.sent;
  assertEquals([server.served.length, opening], [1, 64 * 1024]);
  for (const path of ["d0/f0", "d3/large", "d5/just", "d8/f395"]) {
    const [requests, sent] = [server.served.length, server.sent];
    const { content, size = 0 } = await reader.openFile(0, `lib/${path}`);
    await new Response(content).bytes();
    const holding = Math.ceil((size + 512) / FRAME_UNIT) + 1;
    assert(server.served.length - requests <= probes + 2);
    assert(
      server.sent - sent <= (probes + holding) * largest,
      `${path}: ${server.sent - sent} bytes of ${bytes.length}`,
    );
  }
});

Deno.test("a frame that was changed is refused, the others are not", async () => {
  const bytes = await build("tar.zst");
  await using reader = await PSPFReader.open(bytes);
  const { frames, offset } = reader.slot(0);
  assert(frames !== undefined);
  const last = offset + frames.stored.reduce((sum, size) => sum + size, 0) - 9;
  bytes[last] = (bytes[last] ?? 0) ^ 1;
  const { content } = await reader.openFile(0, "lib/d0/f0");
  await new Response(content).bytes();
  await rejectsCode("verify/slot-digest", async () => {
    const { content } = await reader.openFile(0, "lib/long/nothing");
    await new Response(content).bytes();
  });
});

Deno.test("the one file of a slot that is no archive is found by its path", async () => {
  const plan = planOf(['{ id = "app", source = "app", target = "bin/app" }']);
  const { bytes } = await buildInMemory(plan, { app: NOISE }, { mode: 0o755 });
  await using reader = await PSPFReader.open(bytes);
  const { mode, size, content } = await reader.openFile("app", "bin/app");
  assertEquals([mode, size], [0o755, NOISE.length]);
  assertEquals((await new Response(content).bytes()).length, NOISE.length);
  await rejectsCode("io/not-found", () => reader.openFile("app", "app"));
});
