import { assertEquals, assertRejects } from "@std/assert";
import {
  listMembers,
  type ListMembersOptions,
} from "../../lib/archive/list_members.ts";
import { readTar } from "../../lib/archive/read_tar.ts";
import type { TarMember } from "../../lib/archive/tar_header.ts";
import { writeTar } from "../../lib/archive/write_tar.ts";
import { FrameRule } from "../../lib/format/frames.ts";
import { BlockPool } from "../../lib/io/block_pool.ts";
import {
  type FileTree,
  type FileTreeEntry,
  MemoryTree,
  type MemoryTreeInit,
  type OpenTreeFile,
} from "@flavor/pspf/io";
import { encodeHead, headSizeOf } from "../../lib/archive/tar_header.ts";
import { pseudoRandomBytes } from "../support/pseudo_random_bytes.ts";
import { rejectsCode } from "../support/throws_code.ts";
import { readAll } from "../support/trickle.ts";

async function pack(
  init: MemoryTreeInit | FileTree,
  options: ListMembersOptions & { mtime?: number } = {},
): Promise<Uint8Array> {
  const tree = "readFile" in init ? init as FileTree : new MemoryTree(init);
  const { members } = await listMembers(tree, {
    modes: "exact",
    ...options,
  });
  const { mtime = 0 } = options;
  return await readAll(ReadableStream.from(writeTar(tree, members, { mtime })));
}

/** What a plain reader of headers sees: names in order. */
async function listNames(archive: Uint8Array): Promise<string[]> {
  const names: string[] = [];
  for await (const entry of readTar(ReadableStream.from([archive]))) {
    names.push(entry.path);
    if (entry.kind === "file") await readAll(entry.content);
  }
  return names;
}

Deno.test("writeTar() writes headers without owner, clock and names", async () => {
  const archive = await pack({ "a.txt": { content: "alpha\n", mode: 0o640 } });
  const text = new TextDecoder("latin1").decode(archive);
  assertEquals(text.slice(0, 5), "a.txt");
  assertEquals(text.slice(100, 107), "0000640");
  assertEquals(text.slice(108, 115), "0000000");
  assertEquals(text.slice(116, 123), "0000000");
  assertEquals(text.slice(124, 135), "00000000006");
  assertEquals(text.slice(136, 147), "00000000000");
  assertEquals(text[156], "0");
  assertEquals(text.slice(257, 265), "ustar\x0000");
  assertEquals(text.slice(265, 329), "\0".repeat(64));
  assertEquals(text.slice(512, 518), "alpha\n");
  assertEquals(archive.length, 512 + 512 + 1024);
});

Deno.test("encodeHead() writes the same 512 bytes for ever", () => {
  const [path, mode, target] = ["bin/app", 0o755, "../x"];
  const zeros = (count: number): string => "\0".repeat(count);
  const text = new TextDecoder("latin1").decode(
    encodeHead({ kind: "symlink", path, mode, target }, 0o17),
  );
  assertEquals(
    text,
    [
      ...[path, zeros(93), "0000755\0", "0000000\0", "0000000\0"],
      ...["00000000000\0", "00000000017\0", "007626\0 ", "2", target],
      ...[zeros(96), "ustar\x0000", zeros(247)],
    ].join(""),
  );
});

Deno.test("encodeHead() has a PAX header only where ustar cannot hold a name", () => {
  const file = (path: string): Uint8Array =>
    encodeHead(
      { kind: "file", path, mode: 0, size: 8 ** 11 - 1, source: "" },
      0,
    );
  const link = (target: string): Uint8Array =>
    encodeHead({ kind: "symlink", path: "a", mode: 0, target }, 0);
  const plain = [
    file("x".repeat(100)),
    file(`${"p".repeat(155)}/${"x".repeat(100)}`),
    link("x".repeat(100)),
  ];
  for (const { length } of plain) assertEquals(length, 512);
  const extended = [
    file("x".repeat(101)),
    file(`dd/${"x".repeat(101)}`),
    file(`${"p".repeat(156)}/${"x".repeat(100)}`),
    file("é"),
    link("x".repeat(101)),
    link("é"),
  ];
  for (const { length } of extended) assertEquals(length, 1536);
  // Its only slash is the last one, behind which there would be no name.
  const path = "x".repeat(120);
  const directory = encodeHead({ kind: "directory", path, mode: 0 }, 0);
  assertEquals(directory.length, 1536);
  const head = new TextDecoder("latin1").decode(file("dir/größe"));
  assertEquals(head.slice(0, 17), "PaxHeaders/gr__e\0");
  assertEquals(head.slice(100, 108), "0000644\0");
  assertEquals(head[156], "x");
  assertEquals(head.slice(1024, 1034), "dir/gr__e\0");
});

Deno.test("headSizeOf() is the length of what encodeHead() gives", () => {
  const mode = 0o644;
  const members: TarMember[] = [
    ...["a", "é", "x".repeat(101), "é".repeat(300)].map((path) =>
      ({ kind: "file", path, mode, size: 1, source: "" }) as const
    ),
    { kind: "directory", path: "x".repeat(100), mode },
    { kind: "symlink", path: "a", mode, target: "é".repeat(999) },
    { kind: "symlink", path: "é".repeat(120), mode, target: "é".repeat(120) },
  ];
  for (const member of members) {
    assertEquals(headSizeOf(member), encodeHead(member, 7).length);
  }
});

Deno.test("writeTar() sets the time it is given", async () => {
  const archive = await pack({ a: { content: "" } }, { mtime: 1_700_000_000 });
  const text = new TextDecoder("latin1").decode(archive);
  assertEquals(text.slice(136, 147), "14524770400");
});

Deno.test("writeTar() gives back everything it was given", async (t) => {
  const cases: Record<string, MemoryTreeInit> = {
    "files, empty files and empty directories": {
      "empty": { mode: 0o755 },
      "a/b/c.txt": { content: "c" },
      "a/nothing": { content: "" },
    },
    "a path of exactly 100 bytes": { ["x".repeat(100)]: { content: "1" } },
    "a path that needs the prefix": {
      [`${"d".repeat(120)}/${"f".repeat(90)}`]: { content: "1" },
    },
    "a name of 101 bytes": { ["x".repeat(101)]: { content: "1" } },
    "a name of 101 bytes in a directory": {
      [`dd/${"x".repeat(101)}`]: { content: "1" },
    },
    "a directory that would leave no name": {
      ["d".repeat(120)]: { mode: 0o755 },
    },
    "a path of 300 bytes": {
      [`${"a".repeat(150)}/${"b".repeat(149)}`]: { content: "1" },
    },
    "a directory of 255 bytes": { ["d".repeat(255)]: { mode: 0o700 } },
    "names that are not ASCII": {
      "größe/日本語.txt": { content: "1" },
      "\u{1f4e6}": { content: "2" },
      "\uff21": { content: "3" },
    },
    "names with newlines, quotes, blanks and equal signs": {
      "a\nb": { content: "1" },
      "29 path=evil\n": { content: "2" },
      ' "x" ': { content: "3" },
      "-rf *": { content: "4" },
    },
    "links of every kind": {
      "up/link": { target: "../a" },
      "dangling": { target: "nowhere" },
      "loop": { target: "loop" },
      "absolute": { target: "/etc/passwd" },
      "long": { target: `${"t".repeat(120)}/ü` },
      "a": { content: "1" },
    },
    "files larger than a chunk": {
      "big": { content: pseudoRandomBytes(3_000_001) },
      "exact": { content: pseudoRandomBytes(1024 * 1024) },
      "middle": { content: pseudoRandomBytes(70_000) },
      "small": { content: "end" },
    },
  };
  for (const [name, init] of Object.entries(cases)) {
    await t.step(name, async () => {
      const archive = await pack(init);
      const found: Record<string, unknown> = {};
      for await (const entry of readTar(ReadableStream.from([archive]))) {
        found[entry.path] = entry.kind === "file"
          ? (await readAll(entry.content)).length
          : entry.kind === "symlink"
          ? entry.target
          : "directory";
      }
      const expected: Record<string, unknown> = {};
      for await (const entry of new MemoryTree(init).entries()) {
        expected[entry.path] = entry.kind === "file"
          ? entry.size
          : entry.kind === "symlink"
          ? entry.target
          : "directory";
      }
      assertEquals(found, expected);
    });
  }
});

Deno.test("writeTar() sorts by the bytes of paths, whatever the order of listing", async () => {
  const names = [
    ...["b", "a-b", "a/x", "\u{1f4e6}", "\uff21", "Z", "é", "a.txt"],
    ...["\u{10000}", "\u{103fe}", "\u{103ff}", "\u{10ffff}"],
    ...["\ud7ff", "\ue000", "\uffff"],
  ];
  const tree = (order: readonly string[]): MemoryTreeInit =>
    Object.fromEntries(order.map((name) => [name, { content: name }]));
  const archive = await pack(tree(names));
  assertEquals(await pack(tree(names.toReversed())), archive);
  assertEquals(await listNames(archive), [
    ...["Z", "a", "a-b", "a.txt", "a/x", "b", "é"],
    ...["\ud7ff", "\ue000", "\uff21", "\uffff"],
    ...["\u{10000}", "\u{103fe}", "\u{103ff}", "\u{1f4e6}", "\u{10ffff}"],
  ]);
});

Deno.test("writeTar() keeps permission bits and drops setuid", async () => {
  const archive = await pack({ run: { content: "", mode: 0o4755 } });
  const text = new TextDecoder("latin1").decode(archive);
  assertEquals(text.slice(100, 107), "0000755");
});

Deno.test("writeTar() does not write a size that its header cannot hold", async () => {
  const size = 8 * 1024 ** 3;
  const member = { path: "huge", source: "huge", mode: 0o644, size } as const;
  await assertRejects(
    () =>
      Array.fromAsync(
        writeTar(new MemoryTree({}), [{ kind: "file", ...member }]),
      ),
    RangeError,
  );
});

Deno.test("writeTar() notices files that change while they are packed", async (t) => {
  for (const [listed, real] of [[10, 9], [10, 11], [2_000_000, 1_999_999]]) {
    await t.step(`${listed} bytes listed, ${real} read`, async () => {
      const bytes = new Uint8Array(real ?? 0);
      const inner = new MemoryTree({ f: { content: bytes } }, "src");
      const tree: FileTree = {
        name: "src",
        async *entries(): AsyncIterable<FileTreeEntry> {
          for await (const entry of inner.entries()) {
            yield { ...entry, size: listed } as typeof entry;
          }
        },
        readFile: () => bytes,
        openFile: () => inner.openFile("f"),
      };
      const error = await rejectsCode("build/source-changed", () => pack(tree));
      assertEquals(error.context.path, "f");
      assertEquals(error.context.actual, real);
    });
  }
});

Deno.test("writeTar() stops when it is told to", async () => {
  const tree = new MemoryTree({ a: { content: "1" }, b: { content: "2" } });
  const { members } = await listMembers(tree);
  const controller = new AbortController();
  const stopped = writeTar(tree, members, {
    signal: controller.signal,
    onInput: () => controller.abort(),
  });
  await assertRejects(() => Array.fromAsync(stopped), DOMException, "aborted");
});

Deno.test("writeTar() tells how much content it has read", async () => {
  const tree = new MemoryTree({
    "a": { content: new Uint8Array(2_500_000) },
    "b": { content: new Uint8Array(100_000) },
    "c": { content: "c" },
    "d": { target: "c" },
  });
  const { members, contentSize } = await listMembers(tree);
  let read = 0;
  const onInput = (size: number): number => read += size;
  await Array.fromAsync(writeTar(tree, members, { onInput }));
  assertEquals(read, contentSize);
});

Deno.test("writeTar() gives the same bytes in used memory, and from files that are read in pieces", async () => {
  const content = pseudoRandomBytes(300_000, 9);
  const inner = new MemoryTree({
    "bin/a": { content: content.subarray(0, 70_001) },
    "b": { content },
    "link": { target: "b" },
    "small": { content: "x" },
  });
  const { members } = await listMembers(inner);
  const expected = await readAll(
    ReadableStream.from(writeTar(inner, members)),
  );
  const tree: FileTree = {
    name: "pieces",
    entries: (descend) => inner.entries(descend),
    readFile: (path, size) => inner.readFile(path, size),
    openFile: (path) =>
      openInPieces(path === "b" ? content : content.subarray(0, 70_001)),
  };
  const pool = new BlockPool(new FrameRule().maxFrameSize);
  pool.give(new Uint8Array(pool.size).fill(0xaa));
  const chunks = await Array.fromAsync(writeTar(tree, members, { pool }));
  assertEquals(await readAll(ReadableStream.from(chunks)), expected);
});

/** A file that gives at most 1000 bytes at a time. */
function openInPieces(content: Uint8Array): OpenTreeFile {
  let at = 0;
  return {
    size: content.length,
    readInto: async (into) => {
      await Promise.resolve();
      const piece = content.subarray(at, at + Math.min(into.length, 1000));
      into.set(piece);
      at += piece.length;
      return piece.length;
    },
    [Symbol.dispose]: () => {},
  };
}

Deno.test("writeTar() notices that an open file shrinks or grows", async () => {
  const inner = new MemoryTree({ log: { content: new Uint8Array(100_000) } });
  const { members } = await listMembers(inner);
  for (const actual of [99_999, 100_001]) {
    const tree: FileTree = {
      name: "changing",
      entries: (descend) => inner.entries(descend),
      readFile: (path, size) => inner.readFile(path, size),
      openFile: () => ({
        ...openInPieces(new Uint8Array(actual)),
        size: 100_000,
      }),
    };
    const error = await rejectsCode(
      "build/source-changed",
      () => readAll(ReadableStream.from(writeTar(tree, members))),
    );
    assertEquals(error.context["actual"], actual);
    const renamed = {
      ...tree,
      openFile: () => openInPieces(new Uint8Array(7)),
    };
    const other = await rejectsCode(
      "build/source-changed",
      () => readAll(ReadableStream.from(writeTar(renamed, members))),
    );
    assertEquals(other.context["actual"], 7);
  }
});
