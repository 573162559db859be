/** Slots with frame tables that are right, odd or lies. */

import { sha256 } from "@flavor/pspf/crypto";
import { PSPFReader, verifyPackage } from "@flavor/pspf/read";
import { BytesSource, type RandomAccessSource } from "@flavor/pspf/io";
import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { concat } from "@std/bytes/concat";
import { zstdCompressSync } from "node:zlib";
import { openPackage } from "../../lib/read/open_package.ts";
import { openSlotFile } from "../../lib/read/slot_file.ts";
import { makeTar, type TarInput } from "../support/make_tar.ts";
import { makeSealedPackage } from "../support/sealed_package.ts";
import { rejectsCode } from "../support/throws_code.ts";

interface Table {
  stored: number[];
  content: number[];
  digests: Uint8Array;
}

interface Framed {
  readonly isPacked?: boolean;
  /** Changes the table before it is signed. */
  readonly edit?: (table: Table) => void;
}

/** A sealed package of one archive that is cut into frames of some sizes. */
async function framed(
  archive: Uint8Array,
  sizes: readonly number[],
  { isPacked = false, edit }: Framed = {},
): Promise<Uint8Array<ArrayBuffer>> {
  let at = 0;
  const parts = [...sizes, archive.length].map((size) => {
    const part = archive.subarray(at, at += size);
    return isPacked ? new Uint8Array(zstdCompressSync(part)) : part;
  });
  const rest = sizes.reduce((left, size) => left - size, archive.length);
  const digests = await Promise.all(
    parts.map(async (part) => (await sha256(part)).subarray(0, 16)),
  );
  const table: Table = {
    stored: parts.map(({ length }) => length),
    content: [...sizes, rest],
    digests: concat(digests),
  };
  edit?.(table);
  const json = JSON.stringify({ ...table, digests: table.digests.toBase64() });
  const slot = {
    id: "lib",
    stored: concat(parts),
    operations: isPacked ? "tar.zst" : "tar",
    packed: isPacked ? 0x1b01n : 1n,
    originalSize: archive.length,
  };
  return await makeSealedPackage({
    slots: [slot],
    editJson: (text) =>
      text.replace(/"lifecycle": *"runtime"/, `$&, "frames": ${json}`),
  });
}

async function textOf(
  bytes: Uint8Array<ArrayBuffer>,
  path: string,
): Promise<string> {
  await using reader = await PSPFReader.open(bytes);
  const { content } = await reader.openFile(0, path);
  return await new Response(content).text();
}

const MEMBERS: readonly TarInput[] = [
  { name: "d", type: "5", mode: "0000755\0" },
  { name: "d/a", content: "text of a" },
  { name: "d/b", content: "b" },
  { name: "d/empty" },
  { name: "d/long", content: "x".repeat(2000) },
  { name: "hard", type: "1", link: "d/a" },
  { name: "loop", type: "1", link: "loop" },
  { name: "soft", type: "2", link: "d/a" },
  { name: "z", content: "last" },
];

/** The same archive with frames and without. */
async function eachWay(): Promise<readonly Uint8Array<ArrayBuffer>[]> {
  const archive = makeTar(MEMBERS);
  const plain = {
    id: "lib",
    stored: archive,
    operations: "tar",
    packed: 1n,
    originalSize: archive.length,
  };
  const sizes = [512, 1024, 1024, 512, 2560, 1024];
  return [
    await makeSealedPackage({ slots: [plain] }),
    await framed(archive, sizes),
    await framed(archive, sizes, { isPacked: true }),
  ];
}

/** Serves pieces of a few bytes, and knows how many streams are open. */
function inPieces(
  bytes: Uint8Array,
): { source: RandomAccessSource; countOpen: () => number } {
  const inner = new BytesSource(bytes);
  let open = 0;
  const source: RandomAccessSource = {
    name: "pieces",
    size: inner.size,
    read: (offset, length) => inner.read(offset, length),
    stream: (offset, length) => {
      open++;
      let at = offset;
      return new ReadableStream({
        pull(controller): void {
          const end = Math.min(at + 500, offset + length);
          controller.enqueue(bytes.slice(at, end));
          at = end;
          if (at < offset + length) return;
          controller.close();
          open--;
        },
        cancel(): void {
          open--;
        },
      }, { highWaterMark: 0 });
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
  return { source, countOpen: () => open };
}

Deno.test("files are found with frames and without, through hard links too", async () => {
  for (const bytes of await eachWay()) {
    assertEquals(await textOf(bytes, "d/a"), "text of a");
    assertEquals(await textOf(bytes, "d/b"), "b");
    assertEquals(await textOf(bytes, "d/empty"), "");
    assertEquals((await textOf(bytes, "d/long")).length, 2000);
    assertEquals(await textOf(bytes, "hard"), "text of a");
    assertEquals(await textOf(bytes, "z"), "last");
    await using reader = await PSPFReader.open(bytes);
    const { path, mode, size, content } = await reader.openFile(0, "hard");
    assertEquals([path, mode, size], ["hard", 0o644, 9]);
    await content.cancel();
  }
});

Deno.test("each frame is held to its digest at level strict", async () => {
  const archive = makeTar(MEMBERS);
  const problemWith = async (
    edit: (table: Table) => void,
  ): Promise<string | undefined> => {
    const bytes = await framed(archive, [512, 1024, 1], { edit });
    // The slot's own digest is the authority elsewhere.
    assertEquals((await verifyPackage(bytes)).valid, true);
    const { checks } = await verifyPackage(inPieces(bytes).source, {
      level: "strict",
    });
    return checks.find(({ status }) => status === "fail")?.detail;
  };
  assertEquals(await problemWith(() => {}), undefined);
  for (const index of [0, 1, 2, 3]) {
    for (const at of [0, 15]) {
      const flip = ({ digests }: Table): void => {
        const place = 16 * index + at;
        digests[place] = (digests[place] ?? 0) ^ 1;
        // One more is wrong, and the first is named.
        if (index < 3) digests.fill(0, 48);
      };
      assertEquals(
        await problemWith(flip),
        `Cannot trust slot 0 ("lib"): its frame ${index} has another digest than the signed table says`,
      );
    }
  }
});

Deno.test("what is no file is named for what it is", async () => {
  for (const bytes of await eachWay()) {
    for (
      const [path, problem] of [
        ["d", "it is a directory"],
        ["soft", 'it is a symbolic link to "d/a"'],
        ["loop", "there is no such file"],
        ["none", "there is no such file"],
      ] as const
    ) {
      const error = await rejectsCode(
        "io/not-found",
        () => textOf(bytes, path),
      );
      assertEquals(
        error.message,
        `Cannot read "${path}" of slot 0 ("lib"): ${problem}`,
      );
    }
  }
});

Deno.test("members that are not sorted are found all the same", async () => {
  const archive = makeTar(MEMBERS.toReversed());
  const bytes = await framed(archive, [1024, 1024, 512, 2560]);
  assertEquals(await textOf(bytes, "d/a"), "text of a");
  assertEquals(await textOf(bytes, "z"), "last");
});

Deno.test("a frame that does not hold what the signed table says is refused", async () => {
  const content = "x".repeat(1024);
  const archive = makeTar([{ name: "a", content }, { name: "b", content }]);
  const codeFor = async (first: number): Promise<string | undefined> => {
    const bytes = await framed(archive, [1536], {
      isPacked: true,
      edit: ({ content }) => {
        content[0] = first;
        content[1] = archive.length - first;
      },
    });
    // The slot's own digest fits: what is read whole is right.
    assertEquals((await verifyPackage(bytes)).valid, true);
    return await textOf(bytes, "a").then(() => undefined, ({ code }) => code);
  };
  assertEquals(await codeFor(1536), undefined);
  assertEquals(await codeFor(1535), "compress/corrupt");
  assertEquals(await codeFor(1537), "compress/too-large");
});

Deno.test("a frame with another digest is refused, except at level none", async () => {
  const archive = makeTar(MEMBERS);
  const bytes = await framed(archive, [512, 1024], {
    edit: ({ digests }) => digests.fill(0, 31, 32),
  });
  await rejectsCode("verify/slot-digest", () => textOf(bytes, "d/a"));
  const opened = await openPackage(new BytesSource(bytes), { level: "none" });
  const [slot] = opened.slots;
  if (slot === undefined) throw new Error("there is no slot");
  const { content } = await openSlotFile(opened, slot, "d/a");
  assertEquals(await new Response(content).text(), "text of a");
});

Deno.test("a member that is longer than its archive is refused", async () => {
  const archive = makeTar(
    [
      { name: "0" },
      { name: "a", content: "x".repeat(1024), size: "00000002001\0" },
    ],
    false,
  );
  const bytes = await framed(archive, [512]);
  const error = await rejectsCode(
    "archive/truncated",
    () => textOf(bytes, "a"),
  );
  assertEquals(error.context, { slot: 0, expected: 1024 + 1025 });
  await rejectsCode("archive/truncated", () => textOf(bytes, "b"));
});

Deno.test("one file tells how much was read for it, and can be given up", async () => {
  const archive = makeTar(MEMBERS);
  const readFor = async (
    sizes: readonly number[],
    path = "d/a",
  ): Promise<number[]> => {
    await using reader = await PSPFReader.open(await framed(archive, sizes));
    const read: number[] = [];
    const { content } = await reader.openFile(0, path, {
      onProgress: (count) => read.push(count),
    });
    await new Response(content).bytes();
    return read;
  };
  // The frame in the middle, and the one with the file, each of them once.
  assertEquals(await readFor([512, 1024, 1024]), [1024, 1024]);
  assertEquals(await readFor([1536, 1024]), [1024, 1536]);
  // A frame that ends with a head, and one that begins with it.
  assertEquals(await readFor([2560, 512, 2560], "d/empty"), [2560, 512]);
  const bytes = await framed(archive, [512]);
  await using reader = await PSPFReader.open(bytes);
  const signal = AbortSignal.abort();
  await assertRejects(() => reader.openFile(0, "d/a", { signal }));
});

Deno.test("a frame table that cannot be is refused when the package is opened", async () => {
  const archive = makeTar(MEMBERS);
  const problemWith = async (
    edit: (table: Table) => void,
    isPacked = false,
  ): Promise<string> => {
    const bytes = await framed(archive, [512, 1024], { edit, isPacked });
    const error = await rejectsCode(
      "format/bad-slot",
      () => PSPFReader.open(bytes),
    );
    return error.message;
  };
  const counts = await Promise.all([
    problemWith((table) => {
      table.stored = [archive.length];
      table.content = [archive.length];
      table.digests = table.digests.slice(0, 16);
    }),
    problemWith((table) => table.content.push(table.content.pop() ?? 0, 0)),
    problemWith((table) => table.digests = table.digests.slice(1)),
    problemWith((table) => {
      table.stored[0] = 0;
      table.stored[1] = 1536;
    }, true),
    problemWith((table) => {
      table.content[0] = 0;
      table.content[1] = 1536;
    }, true),
  ]);
  for (const message of counts) {
    assertStringIncludes(message, "expected 2 to 65536 frames above 0 bytes");
  }
  const sums = await Promise.all([
    problemWith(({ stored }) => stored[0] = 513, true),
    problemWith(({ content }) => content[0] = 513, true),
  ]);
  for (const message of sums) assertStringIncludes(message, "its frames have");
  assertStringIncludes(
    await problemWith(({ content }) => content.splice(0, 2, 1024, 512)),
    "its frames are compressed, the slot is not",
  );
});

Deno.test("whatever comes of looking for a file, no stream is left open", async () => {
  const [bytes = new Uint8Array()] = await eachWay();
  const { source, countOpen } = inPieces(bytes);
  await using reader = await PSPFReader.open(source);
  for (const path of ["d", "soft", "loop", "none"]) {
    await rejectsCode("io/not-found", () => reader.openFile(0, path));
    assertEquals(countOpen(), 0, path);
  }
  for (const path of ["d/a", "d/long", "hard"]) {
    const { content } = await reader.openFile(0, path);
    const given = content.getReader();
    await given.read();
    await given.cancel();
    assertEquals(countOpen(), 0, path);
  }
});

Deno.test("a frame table has 65,536 frames at most", async () => {
  const open = async (count: number): Promise<number | undefined> => {
    const sizes = new Array(count).fill(1);
    const digests = new Uint8Array(16 * count).toBase64();
    const table = JSON.stringify({ stored: sizes, content: sizes, digests });
    const bytes = await makeSealedPackage({
      slots: [{ id: "a", stored: new Uint8Array(count) }],
      editJson: (json) =>
        json.replace(/"lifecycle": *"runtime"/, `$&, "frames": ${table}`),
    });
    await using reader = await PSPFReader.open(bytes);
    return reader.slot(0).frames?.stored.length;
  };
  assertEquals(await open(65_536), 65_536);
  await rejectsCode("format/bad-slot", () => open(65_537));
});
