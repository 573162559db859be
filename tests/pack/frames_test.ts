/** How packages are laid out and cut, and what readers make of it. */

import { sha256 } from "@flavor/pspf/crypto";
import { FRAME_UNIT } from "@flavor/pspf/format";
import { MemoryTree } from "@flavor/pspf/io";
import { buildPackage } from "../../lib/pack/build_package.ts";
import { keyPairFromSeed } from "@flavor/pspf/crypto";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { assert, assertEquals } from "@std/assert";
import { zstdDecompressSync } from "node:zlib";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";
import { buildInMemory, planOf, textSource } from "./build_in_memory.ts";

const FILE = planOf(['{ id = "app", source = "app", target = "app" }']);
const TREE = planOf(['{ id = "lib", source = "lib", target = "lib" }']);

const NOISE = pseudoRandomBytes(2 * FRAME_UNIT);

/** Many files of all sizes, as trees are. */
function tree(
  count: number,
  edit?: number,
): Record<string, { content: Uint8Array<ArrayBuffer> }> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, index) => {
      const content = NOISE.slice(
        index * 1009,
        index * 1009 + index * 3701 % 60_000,
      );
      if (index === edit && content.length > 0) {
        content[0] = (content[0] ?? 0) ^ 1;
      }
      return [`d${index % 7}/f${index}`, { content }];
    }),
  );
}

Deno.test("a package is launcher, slots, metadata, table and trailer, in this order", async () => {
  const plan = planOf([
    '{ id = "a", source = "a", target = "a" }',
    '{ id = "b", source = "b", target = "b" }',
  ]);
  const { bytes } = await buildInMemory(plan, { a: "x".repeat(99), b: "y" });
  await using reader = await PSPFReader.open(bytes);
  const { launcher, metadata, slotTable, trailerOffset } = reader.package.index;
  const sections = [launcher, ...reader.slots, metadata, slotTable];
  const offsets = sections.map(({ offset }) => offset);
  assertEquals(offsets, offsets.toSorted((a, b) => a - b));
  assertEquals(offsets[0], 0);
  assertEquals(trailerOffset, bytes.length - 8200);
});

Deno.test("each frame of a slot is decoded by its entry in the table alone", async () => {
  for (
    const [plan, sources] of [
      [FILE, { app: pseudoRandomBytes(3 * FRAME_UNIT + 5) }],
      [TREE, { lib: tree(200) }],
    ] as const
  ) {
    const { bytes } = await buildInMemory(plan, sources);
    await using reader = await PSPFReader.open(bytes);
    const slot = reader.slot(0);
    const { frames } = slot;
    assert(frames !== undefined && frames.stored.length > 2);
    const parts: Uint8Array<ArrayBuffer>[] = [];
    let offset = slot.offset;
    for (const [index, size] of frames.stored.entries()) {
      const stored = bytes.subarray(offset, offset + size);
      const digest = (await sha256(stored)).subarray(0, 16);
      assertEquals(digest, frames.digests.slice(16 * index, 16 * index + 16));
      const content = new Uint8Array(zstdDecompressSync(stored));
      assertEquals(content.length, frames.content[index]);
      parts.push(content);
      offset += size;
    }
    const whole = await new Response(reader.streamSlot(0)).bytes();
    assertEquals(await new Blob(parts).bytes(), whole);
  }
});

Deno.test("a small slot, a gzip slot and a portable package carry no frame table", async () => {
  const app = pseudoRandomBytes(3 * FRAME_UNIT);
  const gzip = planOf([
    '{ id = "app", source = "app", target = "app", operations = "gzip" }',
  ]);
  for (
    const [plan, sources, options] of [
      [FILE, { app: "x".repeat(9000) }, {}],
      [gzip, { app }, {}],
      [FILE, { app }, { portable: true }],
    ] as const
  ) {
    const { bytes } = await buildInMemory(plan, sources, options);
    await using reader = await PSPFReader.open(bytes);
    assertEquals(reader.slot(0).frames, undefined);
  }
});

Deno.test("an edit changes the frames around it and no other", async () => {
  const framesOf = async (edit?: number): Promise<readonly string[]> => {
    const { bytes } = await buildInMemory(TREE, { lib: tree(400, edit) });
    await using reader = await PSPFReader.open(bytes);
    const { digests } = reader.slot(0).frames ?? { digests: new Uint8Array() };
    return Array.from(
      { length: digests.length / 16 },
      (_, index) => digests.subarray(16 * index, 16 * index + 16).toHex(),
    );
  };
  const before = new Set(await framesOf());
  const after = await framesOf(200);
  assert(before.size > 5, `${before.size} frames`);
  assertEquals(after.filter((digest) => !before.has(digest)).length, 1);
});

Deno.test("verifyPackage() holds every frame to the signed table", async () => {
  const stored = pseudoRandomBytes(100);
  const good = new Uint8Array([
    ...(await sha256(stored.subarray(0, 60))).subarray(0, 16),
    ...(await sha256(stored.subarray(60))).subarray(0, 16),
  ]);
  const bad = good.slice();
  bad[20] = (bad[20] ?? 0) ^ 1;
  const codeOf = async (
    frames: { stored: number[]; content: number[]; digests: Uint8Array },
    operations = "raw",
  ): Promise<string | undefined> => {
    const table = JSON.stringify({
      stored: frames.stored,
      content: frames.content,
      digests: frames.digests.toBase64(),
    });
    const file = await makeSealedPackage({
      slots: [{ id: "a", stored, operations }],
      editJson: (json) =>
        json.replace(/"lifecycle": *"runtime"/, `$&, "frames": ${table}`),
    });
    const { valid, checks } = await verifyPackage(file, { level: "strict" });
    const { code } = checks.find(({ status }) => status === "fail") ?? {};
    assertEquals(valid, code === undefined);
    return code;
  };
  const sizes = { stored: [60, 40], content: [60, 40] };
  assertEquals(await codeOf({ ...sizes, digests: good }), undefined);
  assertEquals(await codeOf({ ...sizes, digests: bad }), "verify/slot-digest");
  for (
    const [what, table, code] of [
      [
        "sizes that do not add up",
        { ...sizes, stored: [60, 41] },
        "format/bad-slot",
      ],
      [
        "content that does not add up",
        { ...sizes, content: [60, 39] },
        "format/bad-slot",
      ],
      [
        "lists of two lengths",
        { ...sizes, content: [100] },
        "format/bad-slot",
      ],
      [
        "a negative size",
        { stored: [110, -10], content: [110, -10] },
        "format/bad-metadata",
      ],
      ["plain frames that are compressed", {
        stored: [60, 40],
        content: [40, 60],
      }, "format/bad-slot"],
    ] as const
  ) {
    const frames = { stored: [...table.stored], content: [...table.content] };
    assertEquals(await codeOf({ ...frames, digests: good }), code, what);
  }
  assertEquals(
    await codeOf({ ...sizes, digests: good.subarray(1) }),
    "format/bad-slot",
  );
});

Deno.test("buildPackage() reads as fast as its stream is read, and no faster", async () => {
  const size = 1 << 30;
  let read = 0;
  const stream = buildPackage(FILE, {
    launcher: textSource("launcher"),
    keyPair: await keyPairFromSeed("test"),
    openSource: () =>
      Promise.resolve({
        kind: "file",
        mode: 0o644,
        open: () =>
          Promise.resolve({
            name: "endless",
            size,
            read: (_, length) => Promise.resolve(new Uint8Array(length)),
            readInto: (_, into) => {
              read += into.length;
              return into.length;
            },
            stream: () => new Blob([]).stream(),
            [Symbol.asyncDispose]: () => Promise.resolve(),
          }),
      }),
  });
  const reader = stream.getReader();
  await reader.read();
  assertEquals(read, 0);
  for (let chunk = 0; chunk < 5; chunk++) await reader.read();
  assert(read > 0 && read <= 16 * FRAME_UNIT * 16, `${read} bytes were read`);
  await reader.cancel();
});

Deno.test("a stream that is cancelled closes what it opened", async () => {
  let open = 0;
  const content = pseudoRandomBytes(8 * FRAME_UNIT);
  const stream = buildPackage(FILE, {
    launcher: textSource("launcher"),
    keyPair: await keyPairFromSeed("test"),
    openSource: () =>
      Promise.resolve({
        kind: "file",
        mode: 0o644,
        open: () => {
          open++;
          return Promise.resolve({
            name: "app",
            size: content.length,
            read: (at, length) =>
              Promise.resolve(content.subarray(at, at + length)),
            stream: (at, length) =>
              new Blob([content.subarray(at, at + length)]).stream(),
            [Symbol.asyncDispose]: () => {
              open--;
              return Promise.resolve();
            },
          });
        },
      }),
  });
  const reader = stream.getReader();
  for (let chunk = 0; chunk < 3; chunk++) await reader.read();
  await reader.cancel();
  assertEquals(open, 0);
});

Deno.test("a tree of memory is cut like one of files", async () => {
  const files = tree(100);
  const { bytes } = await buildInMemory(TREE, { lib: files });
  const again = await buildInMemory(TREE, {}, {
    openSource: () =>
      Promise.resolve({
        kind: "directory",
        tree: new MemoryTree(files, "lib"),
      }),
  });
  assertEquals(again.bytes, bytes);
});
